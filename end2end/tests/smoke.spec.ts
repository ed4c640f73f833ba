// The door: the first page that anybody sees, and the headers that every page carries.
import { expect, test } from "./console";

test("the sign-in page answers and can be used by everybody", async ({ console, page }) => {
  await console.open("/sign-in");
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await expect(page.getByLabel("User name")).toBeVisible();
  await expect(page.getByLabel("Password")).toBeVisible();
  await console.inEachTheme(() => console.accessible());
  if (console.script) {
    await console.picture("sign-in");
  }
});

test("the policy allows no inline script or style, no frame, and nothing from elsewhere", async ({ request }) => {
  const response = await request.get("/sign-in");
  expect(response.status()).toBe(200);
  const policy = response.headers()["content-security-policy"] ?? "";
  expect(policy).not.toContain("unsafe-inline");
  expect(policy).not.toMatch(/'unsafe-eval'/);
  expect(policy).toMatch(/script-src[^;]*'self'/);
  expect(policy).toMatch(/frame-ancestors 'none'/);
  const sources = policy.match(/https?:\/\/[^\s;]+|\*/g);
  expect(sources, "sources outside the console").toBeNull();
  expect(response.headers()["x-content-type-options"]).toBe("nosniff");
});

test("every file that a page loads is there, compressed, and may be kept for ever", async ({ request }) => {
  const html = await (await request.get("/sign-in")).text();
  const files = [...html.matchAll(/(?:src|href)="(\/pkg\/[^"]+)"/g)].map((found) => found[1]);
  expect(files.some((file) => file.endsWith(".css"))).toBe(true);
  expect(files.some((file) => file.endsWith(".js"))).toBe(true);
  for (const file of files) {
    const response = await request.get(file, { headers: { "accept-encoding": "br" } });
    expect(response.status(), file).toBe(200);
    expect(response.headers()["cache-control"], file).toContain("immutable");
    expect(response.headers()["content-encoding"], file).toBe("br");
  }
});

test("a wrong password is refused in words, and the name stays", async ({ console, page }) => {
  await console.open("/sign-in");
  await page.getByLabel("User name").fill("nobody");
  await page.getByLabel("Password").fill("not the password");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByText("Not signed in")).toBeVisible();
  await expect(page.getByLabel("User name")).toHaveValue("nobody");
  await expect(page.getByLabel("Password")).toHaveValue("");
});

test("somebody who is not signed in is led to the door", async ({ console, page }) => {
  await console.open("/");
  await expect(page).toHaveURL(/\/sign-in/);
});

for (const who of ["ADMIN", "RESPONDER", "VIEWER", "AUDITOR"] as const) {
  test(`${who.toLowerCase()} signs in`, async ({ console, page }) => {
    await console.signIn(who);
    await expect(page.getByRole("navigation", { name: "Main" })).toBeVisible();
    await console.inEachTheme(() => console.accessible());
  });
}
