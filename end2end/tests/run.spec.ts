// The two buttons of a workload, as a responder uses them: planned, confirmed, followed, and told by the cluster's own witnesses.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { type Console, expect, given, test } from "./console";

const NAMESPACE = "aia-production";
const BACKEND = "aia-backend-simple";
const TARGET = `deployment/aia-production-eu/${NAMESPACE}/${BACKEND}`;

function kubectl(...args: string[]): string {
  return execFileSync(given("KUBECTL"), ["--kubeconfig", given("KUBECONFIG"), "-n", NAMESPACE, ...args], { encoding: "utf8" });
}

/** The writes on the backend's Deployment that the cluster's own audit log has of the console's account. */
function writes(): { verb: string; code: number; user: string }[] {
  return readFileSync(given("CLUSTER_AUDIT_LOG"), "utf8")
    .split("\n")
    .filter((line) => line.includes(`"name":"${BACKEND}"`) && line.includes('"resource":"deployments"'))
    .map((line) => JSON.parse(line))
    .filter((event) => event.verb === "patch" && event.userAgent?.includes("quarterdeck") !== false)
    .filter((event) => !event.user.username.startsWith("system:") && event.user.username !== "kubernetes-admin")
    .map((event) => ({ verb: event.verb, code: event.responseStatus?.code, user: event.user.username }));
}

/** Follows a run to its end; without scripts, by reloading as the page's own refresh does. */
async function ended(console: Console): Promise<void> {
  const state = console.page.locator("#run-head");
  await expect(async () => {
    if (!console.script) {
      await console.page.reload();
    }
    await expect(state).toContainText(/succeeded|failed|refused|cancelled/i, { timeout: 2_000 });
  }).toPass({ timeout: 90_000 });
}

test.describe.configure({ timeout: 180_000 });

test("a responder restarts the backend, and every witness says the same", async ({ console, page }) => {
  const before = writes().length;
  const pods = kubectl("get", "pods", "-l", `app=${BACKEND}`, "-o", "name").trim().split("\n");
  await console.signIn("RESPONDER");
  await console.open(`/workloads/aia-production-eu/${NAMESPACE}/${BACKEND}`);
  await page.getByRole("link", { name: `Restart ${BACKEND}` }).first().click();
  await page.getByRole("button", { name: "Make the plan" }).click();
  await expect(page).toHaveURL(/\/plans\/[0-9a-f]{32}$/);
  await expect(page.getByText("kubectl").first()).toBeVisible();
  if (console.script) {
    await console.picture("plan");
    await console.inEachTheme(() => console.accessible());
  }

  // Without a reason nothing starts, and the page says so.
  await page.getByRole("button", { name: `Restart ${BACKEND}` }).click();
  await expect(page.getByText("Say why in a few words")).toBeVisible();

  await page.getByLabel("Reason").fill("Journey: memory grows, tried by the tests");
  await page.getByRole("button", { name: `Restart ${BACKEND}` }).click();
  await expect(page).toHaveURL(/\/runs\/\d+$/);
  const run = page.url().match(/\d+$/)?.[0];
  if (console.script) {
    await console.picture("run", "running");
  }
  await ended(console);
  await expect(page.locator("#run-head")).toContainText(/succeeded/i);
  if (console.script) {
    await console.picture("run");
    await console.inEachTheme(() => console.accessible());
  }

  const now = kubectl("get", "pods", "-l", `app=${BACKEND}`, "-o", "name").trim().split("\n");
  expect(now.filter((pod) => pods.includes(pod)), "pods of before").toEqual([]);
  const made = writes().slice(before);
  expect(made.length, "requests of the console in the cluster's audit log").toBe(1);
  expect(made[0].code).toBe(200);
  expect(kubectl("rollout", "history", `deployment/${BACKEND}`)).toContain("REVISION");

  await page.getByRole("link", { name: /^events? / }).click();
  await expect(page).toHaveURL(new RegExp(`/audit\\?run=${run}`));
  for (const told of [/Asked for: Restart/, /Started on/, /Step 1 done/, /Ended, succeeded/]) {
    await expect(page.locator("main").getByText(told).first()).toBeVisible();
  }
  if (console.script) {
    await console.picture("audit", "story");
  }
});

test("scaling what an autoscaler owns offers its bounds instead", async ({ console, page }) => {
  await console.signIn("RESPONDER");
  await console.open(`/runbooks/scale-workload?target=${encodeURIComponent(TARGET)}`);
  for (const [typed, says] of [
    ["-1", "-1 is not allowed here"],
    ["1000000000", "is not allowed here"],
    ["abc", "is no whole number"],
  ] as const) {
    await page.getByLabel("Pods", { exact: true }).fill(typed);
    await page.getByRole("button", { name: "Make the plan" }).click();
    await expect(page.getByText(says)).toBeVisible();
    await expect(page.getByLabel("Pods", { exact: true })).toHaveValue(typed);
  }
  await page.getByLabel("Pods", { exact: true }).fill("12");
  await page.getByRole("button", { name: "Make the plan" }).click();
  await expect(page).toHaveURL(/\/plans\//);
  await expect(page.getByText("There is a better way.")).toBeVisible();
  await expect(page.locator("form[aria-label=Confirm] button")).toHaveAttribute("aria-disabled", "true");
  if (console.script) {
    await console.picture("plan", "refused");
    await console.inEachTheme(() => console.accessible());
  }
});

test("a viewer is refused by page and by forged form, and both are recorded", async ({ console, page, browser }) => {
  await console.signIn("VIEWER");
  await console.open(`/runbooks/restart-workload?target=${encodeURIComponent(TARGET)}`);
  await expect(page.getByRole("button", { name: "Make the plan" })).toHaveAttribute("aria-disabled", "true");
  const before = kubectl("get", "deployment", BACKEND, "-o", "jsonpath={.metadata.generation}");
  const origin = new URL(given("QUARTERDECK_URL")).origin;
  for (const path of ["/runbooks/restart-workload/plan", "/runbooks/scale-workload/plan"]) {
    const forged = await page.request.post(path, { form: { target: TARGET, replicas: "4" }, headers: { origin } });
    expect(forged.status(), path).toBe(403);
  }
  const elsewhere = await page.request.post("/runbooks/restart-workload/plan", {
    form: { target: TARGET },
    headers: { origin: "https://elsewhere.example" },
  });
  expect(elsewhere.status()).toBe(403);
  expect(kubectl("get", "deployment", BACKEND, "-o", "jsonpath={.metadata.generation}")).toBe(before);

  const other = await browser.newContext({ javaScriptEnabled: console.script });
  const auditor = await other.newPage();
  await auditor.goto("/sign-in");
  await auditor.getByLabel("User name").fill(given("AUDITOR_USER"));
  await auditor.getByLabel("Password").fill(given("AUDITOR_PASSWORD"));
  await auditor.getByRole("button", { name: "Sign in" }).click();
  await expect(auditor).not.toHaveURL(/sign-in/);
  await auditor.goto(`/audit?kind=permission_denied&actor=${given("VIEWER_USER")}`);
  await expect(auditor.getByText("/runbooks/scale-workload/plan").first()).toBeVisible();
  await other.close();
});
