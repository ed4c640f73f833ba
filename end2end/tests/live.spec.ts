// The overview tells the truth while it is looked at: every fault shows by itself, and so does its mending.
import { execFileSync } from "node:child_process";
import { expect, given, test } from "./console";

/** What each fault of the test bed makes the overview's problems say, and how many seconds it may take to show and to clear. */
const FAULTS: Record<string, { says: RegExp; shows?: number; clears?: number; }> = {
  "endpoint-503": { says: /503/ },
  "endpoint-slow": { says: /api[\s\S]*(slow|answered in|answers in|limit)/i },
  "endpoint-hang": { says: /did not answer|does not answer|no answer/i },
  "expire-certificate": { says: /expired|ran out/i },
  "dns-wrong": { says: /dns|013a\.tech/i },
  "drop-sentinel": { says: /sentinel/i },
  "kill-redis-master": { says: /sessions/i, clears: 15 },
  "freeze-replica": { says: /aia_production/ },
  "pause-replay": { says: /aia_production/, shows: 15 },
  "fill-connections": { says: /connections/i },
  "long-transaction": { says: /transaction/i, shows: 15 },
  // Roles settle when Patroni's lease has run out; what the console shows follows what Patroni does.
  "kill-primary": { says: /aia_production/, clears: 60 },
  "crash-pods": { says: /aia-backend-simple[\s\S]*(crash|CrashLoopBackOff)/i, clears: 20 },
  "oom-pods": { says: /OOMKilled|memory/i, clears: 20 },
  "image-pull": { says: /image/i, clears: 20 },
  unschedulable: { says: /no node|unschedulable|scheduled|Insufficient/i, clears: 20 },
  "node-not-ready": { says: /node/i, shows: 20, clears: 20 },
  "plane-frozen": { says: /API server/i, clears: 20 },
  "plane-down": { says: /API server/i, clears: 60 },
};

function fault(name: string, ...more: string[]): void {
  execFileSync(given("TESTBED_BIN"), ["fault", name, "--base", given("TESTBED_BASE"), ...more], { encoding: "utf8", stdio: "pipe" });
}

test("every fault shows on the overview in time, and clears in time", async ({ console, page }) => {
  test.skip(!console.script, "the same pages, asked for by hand in the journeys without scripts");
  test.setTimeout(20 * 60_000);
  await console.signIn("VIEWER");
  await console.open("/");
  const problems = page.locator("#problems");
  const until = async (what: RegExp, there: boolean, seconds: number): Promise<number> => {
    const begun = Date.now();
    for (;;) {
      const text = await problems.innerText();
      if (what.test(text) === there) {
        return (Date.now() - begun) / 1000;
      }
      expect(Date.now() - begun, `${what} ${there ? "shows" : "clears"}; the problems now:\n${text}`).toBeLessThan(seconds * 1000);
      await page.waitForTimeout(100);
    }
  };
  const table: string[] = [];
  for (const [name, { says, shows = 10, clears = 10 }] of Object.entries(FAULTS)) {
    // What the fault before left behind is not this one's.
    await until(says, false, 60);
    fault(name);
    let shown: number;
    try {
      shown = await until(says, true, shows);
      if (name === "kill-primary" || name === "endpoint-503" || name === "plane-frozen") {
        await console.picture("overview", name);
      }
    } finally {
      fault(name, "--undo");
    }
    const cleared = await until(says, false, clears);
    table.push(`${name.padEnd(20)} shown ${shown.toFixed(1).padStart(5)} s  cleared ${cleared.toFixed(1).padStart(5)} s`);
  }
  process.stdout.write(`${table.join("\n")}\n`);
});

test("a page that loses the console says so, and comes back by itself", async ({ console, page }) => {
  test.skip(!console.script, "without scripts the page's own refresh does this");
  test.setTimeout(90_000);
  await console.signIn("VIEWER");
  await console.open("/");
  // Its connections stay open and nothing answers: what a lost network looks like.
  const pid = Number(given("CONSOLE_PID"));
  process.kill(pid, "SIGSTOP");
  try {
    await expect(page.locator("#data")).toHaveAttribute("data-stale", "true", { timeout: 30_000 });
    await expect(page.locator("#data")).toContainText(/no data for/);
    await console.picture("overview", "lost");
  } finally {
    process.kill(pid, "SIGCONT");
  }
  await expect(page.locator("#data")).not.toHaveAttribute("data-stale", "true", { timeout: 30_000 });
});
