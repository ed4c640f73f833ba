// The keys and the palette, for whoever has no mouse; finding without scripts; the filters and the export of lists.
import { type Console, expect, test } from "./console";

async function palette(console: Console) {
  const dialog = console.page.getByRole("dialog", { name: "Find page, system, runbook or run" });
  await console.page.keyboard.press("Control+k");
  await expect(dialog).toBeVisible();
  await expect(dialog.getByRole("link", { name: "Overview" })).toBeVisible();
  return dialog;
}

test("the palette finds a page, a system and a runbook by the keyboard alone", async ({ console, page }) => {
  test.skip(!console.script, "without scripts there is the search page");
  await console.signIn("ADMIN");
  await console.open("/runs");

  const dialog = await palette(console);
  await expect(dialog.getByRole("textbox")).toBeFocused();
  await console.inEachTheme(() => console.accessible());
  await console.picture("palette");

  await page.keyboard.type("aia_prod");
  await expect(dialog.getByRole("link", { name: /aia_production/ }).first()).toBeVisible();
  await expect(dialog.getByRole("status")).toHaveText(/\d+ found\./);
  await page.keyboard.press("ArrowDown");
  await expect(dialog.getByRole("link").first()).toBeFocused();
  await page.keyboard.press("ArrowUp");
  await expect(dialog.getByRole("textbox")).toBeFocused();
  // Tab stays within the dialog, as the browser's own dialogs do.
  for (let pressed = 0; pressed < 30; pressed++) {
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => {
      const focused = document.activeElement;
      return focused === document.body || focused?.closest("dialog") !== null;
    })).toBe(true);
  }
  await dialog.getByRole("textbox").focus();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/aia_production/);

  await palette(console);
  await page.keyboard.type("scale work");
  await expect(dialog.getByRole("link", { name: /Scale workload/ })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await expect(page).toHaveURL(/aia_production/);

  // What was typed is gone, so that nothing keeps the page from being loaded anew.
  await palette(console);
  await expect(dialog.getByRole("textbox")).toHaveValue("");
  await page.keyboard.type("xyzzy");
  await expect(dialog.getByText("Nothing found for “xyzzy”.").first()).toBeVisible();
});

test("two keys lead to a place, one to the filter and one to the help", async ({ console, page }) => {
  test.skip(!console.script, "keys need scripts");
  await console.signIn("ADMIN");
  await console.open("/");
  await page.keyboard.press("g");
  await page.keyboard.press("n");
  await expect(page).toHaveURL(/\/runs$/);
  await console.awake();
  await page.keyboard.press("/");
  await expect(page.getByRole("search", { name: "Filter runs" }).getByRole("textbox").first()).toBeFocused();
  // In a field, letters are letters.
  await page.keyboard.type("g o?/");
  await expect(page).toHaveURL(/\/runs$/);
  await expect(page.getByRole("search", { name: "Filter runs" }).getByRole("textbox").first()).toHaveValue("g o?/");
  await page.keyboard.press("Control+k");
  await expect(page.getByRole("dialog")).toBeHidden();
  await page.locator("h1").click();
  await page.keyboard.press("?");
  await expect(page).toHaveURL(/\/help$/);
  await console.awake();

  await page.getByRole("button", { name: "Switch off single-letter keys" }).click();
  await expect(page.getByRole("button", { name: "Switch on single-letter keys" })).toBeVisible();
  await console.awake();
  await page.keyboard.press("g");
  await page.keyboard.press("o");
  await page.keyboard.press("/");
  await expect(page).toHaveURL(/\/help$/);
  await palette(console);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Switch on single-letter keys" }).click();
  await expect(page.getByRole("button", { name: "Switch off single-letter keys" })).toBeVisible();
});

test("finding works as a page of its own", async ({ console, page }) => {
  await console.signIn("VIEWER");
  await console.open("/search");
  await page.locator("main").getByRole("textbox").fill("sessions");
  await page.locator("main").getByRole("button", { name: "Find" }).click();
  await expect(page).toHaveURL(/\/search\?q=sessions$/);
  const found = page.locator("main").getByRole("link", { name: /sessions/ }).first();
  await expect(found).toBeVisible();
  await expect(page.locator("main").getByRole("link", { name: "Audit" })).toHaveCount(0);
  if (console.script) {
    await console.inEachTheme(() => console.accessible());
    await console.picture("search");
  }
  await found.click();
  await expect(page).toHaveURL(/sessions/);
});

test("the way to find is in the frame, also on a phone", async ({ console, page }) => {
  await console.signIn("VIEWER");
  await page.setViewportSize({ width: 390, height: 844 });
  await console.open("/");
  await page.getByRole("banner").getByRole("link", { name: /^Find/ }).click();
  if (console.script) {
    await expect(page.getByRole("dialog")).toBeVisible();
    await page.getByRole("button", { name: /Close/ }).click();
    await expect(page.getByRole("dialog")).toBeHidden();
  } else {
    await expect(page).toHaveURL(/\/search$/);
  }
});

test("a filter stands in the address, and says what it left nothing of", async ({ console, page }) => {
  await console.signIn("ADMIN");
  await console.open("/runs");
  if ((await page.getByRole("search", { name: "Filter runs" }).count()) > 0) {
    await page.getByLabel("State", { exact: true }).selectOption({ label: "stopped" });
    await page.getByLabel("Asked by").fill("nobody-of-that-name");
    await page.getByRole("button", { name: "Filter runs" }).click();
    await expect(page).toHaveURL(/state=cancelled/);
    await expect(page.getByText("No run matches state “stopped”, asked by “nobody-of-that-name”.")).toBeVisible();
    await expect(page.getByLabel("Asked by")).toHaveValue("nobody-of-that-name");
    await page.locator("main").getByRole("link", { name: "Clear the filter" }).first().click();
    await expect(page).toHaveURL(/\/runs$/);
  }
  await page.goto("/audit?from=soon");
  await expect(page.getByText("“soon” is no time")).toBeVisible();
  await expect(page.getByLabel("From, UTC")).toHaveValue("soon");
  await console.inEachTheme(() => console.accessible());
});

test("an auditor takes the audit out, and that stands in the audit", async ({ console, page }) => {
  await console.signIn("AUDITOR");
  await console.open("/audit?kind=signed_in");
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export as CSV" }).click();
  expect((await download).suggestedFilename()).toMatch(/^audit-\d{8}T\d{6}Z\.csv$/);
  await console.open("/audit?kind=exported");
  await expect(page.getByText(/Exported \d+ events as CSV/).first()).toBeVisible();
});
