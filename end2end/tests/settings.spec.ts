// The settings as people use them, with scripts and without: accounts made and closed, passwords set, sessions ended.
import { expect, given, test } from "./console";

test.describe.configure({ timeout: 120_000 });

const PASSWORD = "a few words for a journey";

test("an account is made, its owner sets the password, and it is closed again", async ({ console, page, browser }) => {
  const name = `journey-${console.script ? "script" : "plain"}-${Date.now()}`;
  await console.signIn("ADMIN");
  await console.open("/settings/accounts");
  await page.getByLabel("User name").fill("No Name!");
  await page.getByLabel("Role").selectOption("viewer");
  await page.getByRole("button", { name: "Make account" }).click();
  await expect(page.getByText("Write lower case letters")).toBeVisible();
  await expect(page.getByLabel("User name")).toHaveValue("No Name!");
  await expect(page.getByLabel("Role")).toHaveValue("viewer");
  await page.getByLabel("User name").fill(name);
  await page.getByRole("button", { name: "Make account" }).click();
  const link = await page.locator("code.once").innerText();
  if (console.script) {
    await console.inEachTheme(() => console.accessible());
  }

  const context = await browser.newContext({ javaScriptEnabled: console.script, baseURL: given("QUARTERDECK_URL") });
  const owner = await context.newPage();
  await owner.goto(link);
  await owner.getByLabel("New password", { exact: true }).fill("short");
  await owner.getByLabel("New password again").fill("short");
  await owner.getByRole("button", { name: "Set password" }).click();
  await expect(owner.getByText("at least 12 characters.")).toBeVisible();
  await owner.getByLabel("New password", { exact: true }).fill(PASSWORD);
  await owner.getByLabel("New password again").fill(PASSWORD);
  await owner.getByRole("button", { name: "Set password" }).click();
  await expect(owner).toHaveURL(/\/sign-in/);
  await owner.getByLabel("User name").fill(name);
  await owner.getByLabel("Password").fill(PASSWORD);
  await owner.getByRole("button", { name: "Sign in" }).click();
  await owner.goto("/settings");
  await expect(owner.getByText(`You are signed in as ${name}, viewer.`)).toBeVisible();
  await expect(owner.getByRole("navigation", { name: "Settings" })).toHaveCount(0);
  await owner.goto(link);
  await expect(owner.getByText("This link sets no password")).toBeVisible();

  await console.open("/settings/accounts");
  await page.getByRole("link", { name }).click();
  await page.getByRole("button", { name: `Disable ${name}` }).click();
  await expect(page.getByText("The account was disabled")).toBeVisible();
  await owner.goto("/settings");
  await expect(owner).toHaveURL(/\/sign-in/);
  await context.close();
});

test("one ends one's own other session, and a wrong password changes nothing", async ({ console, page, browser }) => {
  await console.signIn("OPERATOR2");
  const context = await browser.newContext({ javaScriptEnabled: console.script, baseURL: given("QUARTERDECK_URL") });
  const other = await context.newPage();
  await other.goto("/sign-in");
  await other.getByLabel("User name").fill(given("OPERATOR2_USER"));
  await other.getByLabel("Password").fill(given("OPERATOR2_PASSWORD"));
  await other.getByRole("button", { name: "Sign in" }).click();
  await expect(other).not.toHaveURL(/sign-in/);
  await console.open("/settings");
  await page.getByRole("button", { name: "End session" }).first().click();
  await expect(page.getByText("The session was ended.")).toBeVisible();
  await other.goto("/");
  await expect(other).toHaveURL(/sign-in/);
  await context.close();

  await page.getByLabel("Current password").fill("not the password");
  await page.getByLabel("New password", { exact: true }).fill(PASSWORD);
  await page.getByLabel("New password again").fill(PASSWORD);
  await page.getByRole("button", { name: "Change password" }).click();
  await expect(page.getByText("This is not your current password.")).toBeVisible();
});

test("a viewer's forged forms change no account and pair no screen", async ({ console, page }) => {
  await console.signIn("VIEWER");
  const origin = new URL(given("QUARTERDECK_URL")).origin;
  for (const path of ["/settings/accounts", "/settings/accounts/1/disable", "/settings/accounts/1/role", "/settings/screens"]) {
    const forged = await page.request.post(path, { form: { name: "mallory", role: "admin" }, headers: { origin } });
    expect(forged.status(), path).toBe(403);
  }
});
