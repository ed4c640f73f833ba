// First paint of the overview, in milliseconds since the navigation began: COUNT loads, each with an empty cache, signed in.
// node paint.mjs URL USER PASSWORD COUNT  ->  one number a line
import { createRequire } from "node:module";

const { chromium } = createRequire(new URL("../package.json", import.meta.url))("playwright-core");
const [url, user, password, count] = process.argv.slice(2);

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const first = await browser.newContext();
const page = await first.newPage();
await page.goto(`${url}/sign-in`);
await page.getByLabel("User name").fill(user);
await page.getByLabel("Password").fill(password);
await page.getByRole("button", { name: "Sign in" }).click();
await page.waitForURL((address) => !address.pathname.startsWith("/sign-in"));
const state = await first.storageState();

for (let load = 0; load < Number(count); load += 1) {
  const context = await browser.newContext({ storageState: state, viewport: { width: 1440, height: 900 } });
  const fresh = await context.newPage();
  await fresh.goto(url, { waitUntil: "load" });
  const paint = await fresh.evaluate(
    () =>
      new Promise((resolve) => {
        new PerformanceObserver((list) => {
          const found = list.getEntriesByName("first-contentful-paint")[0];
          if (found) {
            resolve(found.startTime);
          }
        }).observe({ type: "paint", buffered: true });
      }),
  );
  console.log(paint.toFixed(1));
  await context.close();
}
await browser.close();
