// Every journey runs twice: as a browser with JavaScript sees the console, and as one without.
import { defineConfig, devices } from "@playwright/test";

const baseURL = process.env.QUARTERDECK_URL;
if (!baseURL) {
  throw new Error("QUARTERDECK_URL is not set; run the journeys by `cargo xtask e2e`");
}

const desktop = {
  ...devices["Desktop Chrome"],
  viewport: { width: 1440, height: 900 },
};

export default defineConfig({
  testDir: "tests",
  outputDir: process.env.QUARTERDECK_E2E_OUTPUT,
  // Journeys act on one estate, so they run one after another; a failure is not tried again until it passes.
  workers: 1,
  retries: 0,
  timeout: 60_000,
  globalTimeout: 25 * 60_000,
  expect: { timeout: 10_000 },
  forbidOnly: true,
  reporter: [["list"], ["json"]],
  use: {
    baseURL,
    locale: "en-US",
    timezoneId: "UTC",
    screenshot: "only-on-failure",
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: process.env.QUARTERDECK_BROWSER ?? "/usr/bin/chromium",
      // The sandbox needs a user other than root, or namespaces that a container may lack; the pages are ours.
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
  projects: [
    { name: "script", use: { ...desktop, javaScriptEnabled: true } },
    { name: "plain", use: { ...desktop, javaScriptEnabled: false } },
  ],
});
