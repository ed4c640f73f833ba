// A screen on a wall: paired by a code, read from five metres, honest when it sees nothing, and back by itself.
import { type Browser, type Page } from "@playwright/test";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { Console, expect, given, test } from "./console";

const SIZES = [
  { width: 1920, height: 1080 },
  { width: 3840, height: 2160 },
] as const;

test.describe.configure({ timeout: 180_000 });

async function picture(page: Page, state: string): Promise<void> {
  const folder = given("QUARTERDECK_SCREENSHOTS");
  mkdirSync(folder, { recursive: true });
  const size = page.viewportSize();
  await page.screenshot({ path: path.join(folder, `wall-${size?.width}x${size?.height}-${state}.png`), animations: "disabled" });
}

/** A second console over the demo's estate and store: the one that the other journeys use is not killed. */
class Other {
  private process: ChildProcess | undefined;

  private constructor(
    readonly url: string,
    private readonly env: Record<string, string>,
  ) {}

  static async start(): Promise<Other> {
    const port = await new Promise<number>((found) => {
      const server = createServer().listen(0, "127.0.0.1", () => {
        const address = server.address();
        server.close(() => found(typeof address === "object" && address ? address.port : 0));
      });
    });
    const environment = readFileSync(`/proc/${given("CONSOLE_PID")}/environ`, "utf8").split("\0").filter(Boolean);
    const env = Object.fromEntries(environment.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]));
    const other = new Other(`http://127.0.0.1:${port}`, { ...env, QUARTERDECK_LISTEN: `127.0.0.1:${port}`, QUARTERDECK_REPLICA: "wall" });
    await other.serve();
    return other;
  }

  async serve(): Promise<void> {
    this.process = spawn(given("QUARTERDECK_BIN"), ["serve"], { env: this.env, stdio: "ignore" });
    await expect(async () => expect((await fetch(`${this.url}/healthz`)).status).toBe(200)).toPass({ timeout: 30_000 });
  }

  async kill(): Promise<void> {
    const process = this.process;
    if (process && process.exitCode === null) {
      const ended = new Promise((resolve) => process.once("exit", resolve));
      process.kill("SIGKILL");
      await ended;
    }
  }
}

/** A browser that hangs on a wall: nobody is signed in. */
async function screen(browser: Browser, script: boolean, size: { width: number; height: number } = SIZES[0]): Promise<Page> {
  const context = await browser.newContext({ javaScriptEnabled: script, viewport: size, baseURL: given("QUARTERDECK_URL") });
  return context.newPage();
}

for (const size of SIZES) {
  test(`at ${size.width}x${size.height} everything is there without scrolling, and large enough`, async ({ console, page }) => {
    await page.setViewportSize(size);
    await console.open(given("WALL_URL"));
    await expect(page).toHaveURL(/\/wall$/);
    for (const part of ["#wall-path", "#wall-problems", "#wall-tiles", "#wall-time"]) {
      await expect(page.locator(part)).toBeVisible();
    }
    await expect(page.locator("#data")).toContainText(/live/, { timeout: 30_000 });
    const fits = await page
      .evaluate(() => {
        const root = document.documentElement;
        const inside = [...document.querySelectorAll("main > *, .wall-tile, .wall-problem, .hop")].every((element) => {
          const box = element.getBoundingClientRect();
          return box.bottom <= innerHeight + 1 && box.right <= innerWidth + 1 && box.top >= 0 && box.left >= 0;
        });
        const texts = [...document.querySelectorAll("main *")].filter(
          (element) => element.checkVisibility() && !element.closest(".sr") && [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim()),
        );
        const smallest = Math.min(...texts.map((element) => parseFloat(getComputedStyle(element).fontSize)));
        return { inside, over: [root.scrollWidth - innerWidth, root.scrollHeight - innerHeight], smallest: smallest / innerHeight };
      })
      .catch(() => null);
    if (fits) {
      expect(fits.over.every((over) => over <= 0), `scrolls by ${fits.over}`).toBe(true);
      expect(fits.inside, "a part is cut off by the screen's edge").toBe(true);
      // 24 px of 1080: on a screen of 55 inches that is 15 mm, which is read from five metres.
      expect(fits.smallest).toBeGreaterThanOrEqual(24 / 1080 - 0.0005);
    }
    if (console.script) {
      await console.accessible();
      await expect(page.locator(".wall-local")).toBeVisible();
      await picture(page, "live");
    }
  });
}

test("a screen shows a code, an administrator types it, and the wall appears by itself", async ({ console, page, browser }) => {
  const wall = await screen(browser, console.script);
  await wall.goto("/wall");
  const code = await wall.locator(".pairing-code").innerText();
  expect(code).toMatch(/^[A-Z0-9]{4}-[A-Z0-9]{4}$/);
  if (console.script) {
    await new Console(wall, true).accessible();
    await picture(wall, "pairing");
  }
  await console.signIn("ADMIN");
  await console.open("/settings/screens");
  await page.getByLabel("Code on the screen").fill("AAAA-AAAA");
  const name = `Journey ${console.script ? "with" : "without"} scripts ${Date.now()}`;
  await page.getByLabel("Where it hangs").fill(name);
  await page.getByRole("button", { name: "Pair screen" }).click();
  await expect(page.getByText("No screen that waits shows this code")).toBeVisible();
  await expect(page.getByLabel("Where it hangs")).toHaveValue(name);
  await page.getByLabel("Code on the screen").fill(code.toLowerCase());
  await page.getByRole("button", { name: "Pair screen" }).click();
  await expect(page.getByText("The screen was paired")).toBeVisible();
  await expect(wall.locator("#wall-tiles")).toBeVisible({ timeout: 15_000 });

  await page.getByRole("button", { name: `Revoke ${name}` }).click();
  await expect(page.getByText("The screen was revoked")).toBeVisible();
  // With scripts the stream says so at once; without, the next look does.
  await expect(wall.getByText("was revoked at")).toBeVisible({ timeout: console.script ? 10_000 : 20_000 });
  await expect(wall.locator("#wall-tiles")).toHaveCount(0);
  await wall.context().close();
});

test("a wall that loses its console says since when, and comes back by itself", async ({ console, browser }) => {
  test.skip(!console.script, "without scripts the browser's own error page stands there until the console is back");
  const other = await Other.start();
  const wall = await screen(browser, true);
  try {
    // A cookie knows no port: the link's screen is known there too.
    await wall.goto(given("WALL_URL"));
    await wall.goto(`${other.url}/wall`);
    const lost = wall.locator(".wall-lost > section");
    await expect(wall.locator("#data")).toContainText(/live/, { timeout: 30_000 });
    await expect(lost).toBeHidden();
    await other.kill();
    await expect(lost).toBeVisible({ timeout: 40_000 });
    await expect(lost).toContainText(/No data since \d\d:\d\d:\d\d UTC/);
    await expect(wall.locator(".wall-tile[data-stale=true]").first()).toContainText(/no data since/, { timeout: 60_000 });
    await picture(wall, "lost");
    await other.serve();
    await expect(lost).toBeHidden({ timeout: 60_000 });
    await expect(wall.locator("#data")).toContainText(/live/);
  } finally {
    await other.kill();
    await wall.context().close();
  }
});

test("a screen's token opens nothing but the wall", async ({ console, page }) => {
  await console.open(given("WALL_URL"));
  for (const address of ["/", "/runs", "/audit", "/settings", "/settings/screens", "/live?topic=overview"]) {
    const answer = await page.request.get(address, { maxRedirects: 0 });
    expect(answer.status(), address).toBe(401);
    expect(await answer.text(), address).toContain("may show the wall and nothing else");
  }
  const origin = new URL(given("QUARTERDECK_URL")).origin;
  const forged = await page.request.post("/settings/accounts", { form: { name: "mallory", role: "admin" }, headers: { origin } });
  expect(forged.status()).toBe(401);
});
