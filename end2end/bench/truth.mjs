// Whether a wall says what is so: faults in turn, and beside the wall what kubectl, psql, redis-cli, curl and a resolver say of the same.
// Both sides are put into one form (JSON with sorted keys) and compared by its SHA-256, twice a second.
// node truth.mjs TURNS  ->  one line a turn: "FAULT SHOWN_S TRUE_AFTER_RECOVERY_S LIES" ("-" where a fault does not show on either side).
// SHOWN: from the strike until the wall is not calm. TRUE_AFTER_RECOVERY: from the moment at which the witnesses find all well again until
// the wall says so too. LIES: how often the wall said, undated, something else than the witnesses for longer than the promised time.
// The environment is the running console's: WALL_URL, KUBECTL, KUBECONFIG, PG1, REDIS1, TESTBED_BIN and the rest.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { promises as dns } from "node:dns";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import tls from "node:tls";
import { promisify } from "node:util";

const { chromium } = createRequire(new URL("../package.json", import.meta.url))("playwright-core");
const run = promisify(execFile);
const env = process.env;
const turns = Number(process.argv[2]);
/** Design: a fault shows within ten seconds, what is polled slower within fifteen. */
const PROMISE_MS = 15_000;
const ROUND_MS = 500;
/** A witness that takes longer says nothing. */
const PATIENCE_MS = 2_000;

const FAULTS = [
  "crash-pods", "kill-redis-master", "endpoint-503", "pause-replay", "plane-frozen", "fill-connections", "drop-sentinel", "oom-pods",
  "dns-wrong", "freeze-replica", "image-pull", "endpoint-hang", "kill-primary", "unschedulable", "expire-certificate", "long-transaction",
  "node-not-ready", "endpoint-slow", "plane-down",
];

const canonical = (value) =>
  value && typeof value === "object" && !Array.isArray(value)
    ? `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(",")}}`
    : JSON.stringify(value);
const digest = (facts) => createHash("sha256").update(canonical(facts)).digest("hex");
const now = () => performance.now();
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const ask = async (program, words, more = {}) =>
  (await run(program, words, { timeout: PATIENCE_MS, killSignal: "SIGKILL", env: { ...env, ...more } })).stdout.trim();
/** What a witness says; "silent" when it says nothing in time. */
const said = (asking) => asking.catch(() => "silent");

// What is so.

async function clusters() {
  const get = async (...words) => JSON.parse(await ask(env.KUBECTL, ["--kubeconfig", env.KUBECONFIG, "--request-timeout=2s", "get", ...words, "-o", "json"])).items;
  const namespaces = ["aia-production", "aia-monitoring", "ingress-nginx"];
  const [nodes, ...lists] = await Promise.all([get("nodes"), ...namespaces.map((namespace) => get("deployments", "-n", namespace))]);
  const ready = (node) => node.status.conditions.some(({ type, status }) => type === "Ready" && status === "True");
  const whole = ({ spec, status, metadata }) =>
    status.observedGeneration === metadata.generation && (status.readyReplicas ?? 0) === spec.replicas && (status.updatedReplicas ?? 0) === spec.replicas &&
    (status.unavailableReplicas ?? 0) === 0;
  return nodes.every(ready) && lists.flat().every(whole) ? "ok" : "not";
}

async function databases() {
  const password = readFileSync(env.PG_WATCH_PASSWORD_FILE, "utf8").trim();
  const question = `select pg_is_in_recovery(),
    case when pg_is_in_recovery() then pg_is_wal_replay_paused() or coalesce(pg_last_wal_receive_lsn() - pg_last_wal_replay_lsn(), 0) > 1000000
      or not exists (select from pg_stat_wal_receiver where status = 'streaming')
    else (select count(*) from pg_stat_activity where backend_type = 'client backend') >= 0.8 * current_setting('max_connections')::int
      or exists (select from pg_stat_activity where xact_start < now() - interval '5 s' and backend_type = 'client backend')
      or not exists (select from pg_stat_replication where state = 'streaming') end`;
  const look = async (address) => {
    const [host, port] = address.split(":");
    const words = ["-X", "-A", "-t", "-h", host, "-p", port, "-U", env.PG_WATCH_USER, "-d", env.PG_DATABASE, "-c", question];
    return ask("psql", words, { PGPASSWORD: password, PGCONNECT_TIMEOUT: "2" });
  };
  // A member that says nothing is a fault of the database, and no silence of its witness.
  const [one, two] = await Promise.all([env.PG1, env.PG2].map((address) => said(look(address))));
  return [one, two].sort().join() === "f|f,t|f" ? "ok" : "not";
}

async function caches() {
  const cli = (url, ...words) => said(ask("redis-cli", ["--no-auth-warning", "-u", url, ...words]));
  const members = await Promise.all(env.REDIS_URLS.split(",").map((url) => cli(url, "role")));
  const sentinels = await Promise.all(env.SENTINEL_URLS.split(",").map((url) => cli(url, "sentinel", "ckquorum", env.REDIS_MASTER_NAME)));
  const roles = members.map((text) => text.split("\n")[0]).sort().join();
  const linked = members.every((text) => !text.startsWith("slave") || text.split("\n")[3] === "connected");
  const agree = sentinels.every((text) => text.startsWith("OK 3"));
  return roles === "master,slave" && linked && agree ? "ok" : "not";
}

async function edge() {
  const fetched = async (url, address, seconds) => {
    const { host, port } = new URL(`http://${address}`);
    const { hostname, port: named } = new URL(url);
    const words = ["-s", "-o", "/dev/null", "--max-time", "2", "--cacert", env.CA_FILE, "-w", "%{http_code} %{time_total}"];
    const [code, took] = (await ask("curl", [...words, "--connect-to", `${hostname}:${named || 443}:${host.split(":")[0]}:${port}`, url])).split(" ");
    return code === "200" && Number(took) < seconds;
  };
  const valid = () =>
    new Promise((resolve) => {
      const [host, port] = env.SITE_ADDR.split(":");
      const socket = tls.connect({ host, port, servername: "013a.tech", rejectUnauthorized: false, timeout: PATIENCE_MS }, () => {
        resolve(new Date(socket.getPeerCertificate().valid_to) - Date.now() > 21 * 86_400_000);
        socket.destroy();
      });
      for (const event of ["error", "timeout"]) socket.on(event, () => resolve(false));
    });
  const resolver = new dns.Resolver({ timeout: PATIENCE_MS, tries: 1 });
  resolver.setServers([env.RESOLVER]);
  const found = resolver.resolve4(env.DNS_NAME).then((addresses) => addresses.join() === env.DNS_WANT);
  const all = await Promise.all([
    said(fetched(env.SITE_URL, env.SITE_ADDR, 2)), said(fetched(env.API_URL, env.API_ADDR, 0.5)), said(valid()), said(found),
  ]);
  return all.every((good) => good === true) ? "ok" : "not";
}

async function witnessed() {
  const [Clusters, Databases, Caches, Edge] = await Promise.all([clusters, databases, caches, edge].map((look) => said(look())));
  return { Clusters, Databases, Caches, Edge };
}

// What the wall says.

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
const page = await (await browser.newContext({ viewport: { width: 1920, height: 1080 } })).newPage();
await page.goto(env.WALL_URL);
await page.waitForSelector("#wall-tiles li");
const shown = () =>
  page.evaluate((names) => {
    const facts = {};
    for (const tile of document.querySelectorAll("#wall-tiles li")) {
      const words = tile.querySelector("p")?.textContent ?? "";
      const name = names.find((name) => words.includes(name));
      if (name) {
        const [ok, of] = (tile.querySelector("b.fig")?.textContent ?? "").match(/\d+/g) ?? [];
        // A tile that says by itself that it is out of date says nothing of now.
        facts[name] = tile.dataset.stale === "true" ? "silent" : ok !== undefined && ok === of ? "ok" : "not";
      }
    }
    return facts;
  }, ["Clusters", "Databases", "Caches", "Edge"]);

// Both, side by side.

const WELL = digest({ Clusters: "ok", Databases: "ok", Caches: "ok", Edge: "ok" });
let latest = { wall: "", witness: "" };
let lies = 0;
const last_agreed = {};
let over = false;
async function compare() {
  while (!over) {
    const began = now();
    const [so, wall] = [await witnessed(), await shown()];
    for (const [name, is] of Object.entries(so)) {
      // Where the witness is silent the wall may be dated, or say that it is not well.
      const agrees = is === wall[name] || wall[name] === "silent" || (is === "silent" && wall[name] !== "ok");
      if (agrees || last_agreed[name] === undefined) {
        last_agreed[name] = now();
      } else if (now() - last_agreed[name] > PROMISE_MS) {
        lies += 1;
        console.error(`the wall says ${name} ${wall[name]}, and it is ${is}, for ${((now() - last_agreed[name]) / 1000).toFixed(1)} s`);
      }
    }
    latest = { so, wall: digest(wall), witness: digest(so), at: now() };
    await sleep(Math.max(0, ROUND_MS - (now() - began)));
  }
}
/** How long until it is so, in milliseconds from `since`; nothing after `patience`. */
async function until(what, since, patience) {
  while (now() - since < patience) {
    if (latest.at > since && what()) {
      return latest.at - since;
    }
    await sleep(50);
  }
  return undefined;
}
const fault = (name, ...more) => run(env.TESTBED_BIN, ["fault", name, "--base", env.TESTBED_BASE, ...more], { timeout: 180_000 });
const seconds = (ms) => (ms === undefined ? "-" : (ms / 1000).toFixed(1));

const comparing = compare();
try {
  for (let turn = 0; turn < turns; turn += 1) {
    const name = FAULTS[(turn * 7) % FAULTS.length];
    if ((await until(() => latest.wall === WELL && latest.witness === WELL, now(), 180_000)) === undefined) {
      throw new Error(`the estate is not well before ${name}: ${canonical(latest.so)}`);
    }
    const before = lies;
    const struck = now();
    await fault(name);
    const seen = await until(() => latest.wall !== WELL, struck, 60_000);
    await sleep(3_000);
    await fault(name, "--undo");
    const undone = now();
    const recovered = await until(() => latest.witness === WELL, undone, 180_000);
    const truthful = recovered === undefined ? undefined : await until(() => latest.wall === WELL, undone + recovered - 1, 60_000);
    console.log(`${name} ${seconds(seen)} ${seconds(truthful)} ${lies - before}`);
  }
} finally {
  over = true;
  await comparing;
  await browser.close();
}
process.exit(0);
