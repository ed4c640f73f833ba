// Every page that can be reached by an address alone: it answers, anybody can use it, and it is looked at in every size and theme.
import { expect, test } from "./console";

const PAGES = {
  overview: "/",
  systems: "/systems",
  database: "/systems/database/aia_production",
  cache: "/systems/cache/sessions",
  endpoint: "/systems/endpoint/api",
  certificate: "/systems/certificate/site",
  dns: "/systems/dns/site",
  cluster: "/clusters/aia-production-eu",
  workload: "/workloads/aia-production-eu/aia-production/aia-backend-simple",
  backups: "/backups/aia_production",
  backup: "/runbooks/back-up-database?target=backup/aia_production",
  verify: "/runbooks/verify-backup?target=backup/aia_production",
  runbooks: "/runbooks",
  runbook: "/runbooks/scale-workload?target=deployment/aia-production-eu/aia-production/aia-backend-simple",
  runs: "/runs",
  audit: "/audit",
  search: "/search?q=aia",
  help: "/help",
  settings: "/settings",
  accounts: "/settings/accounts",
  sessions: "/settings/sessions",
  screens: "/settings/screens",
  missing: "/no-such-page",
} as const;

// A whole page is looked at eight times.
test.describe.configure({ timeout: 120_000 });

for (const [name, path] of Object.entries(PAGES)) {
  test(`${name} answers, and axe finds nothing`, async ({ console, page }) => {
    await console.signIn("ADMIN");
    await console.open(path);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    await expect(page.locator("main")).not.toBeEmpty();
    if (console.script) {
      await console.inEachTheme(() => console.accessible());
      await console.picture(name);
    }
  });
}

test("no page is wider than a phone", async ({ console, page }) => {
  await console.signIn("ADMIN");
  await page.setViewportSize({ width: 390, height: 844 });
  for (const path of Object.values(PAGES)) {
    await console.open(path);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth).catch(() => 0);
    expect(over, path).toBeLessThanOrEqual(0);
  }
});
