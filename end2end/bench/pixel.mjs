// How much later a change of the cluster stands in a browser's document, and is painted, than it is read from `kubectl get --watch`, all from
// the moment at which the change was asked for, on one clock.
// node pixel.mjs URL USER PASSWORD KUBECTL KUBECONFIG COUNT  ->  "KUBECTL_MS DOCUMENT_MS PIXEL_MS" a line, one for each change that all saw
import { spawn } from "node:child_process";
import { createRequire } from "node:module";

const { chromium } = createRequire(new URL("../package.json", import.meta.url))("playwright-core");
const [url, user, password, kubectl, kubeconfig, count] = process.argv.slice(2);
const namespace = "aia-production";
const deployment = "aia-frontend";
const PATIENCE_MS = 10_000;

// The apiserver over its own connection: a process of kubectl a change would add its start to both sides.
const proxy = spawn(kubectl, ["--kubeconfig", kubeconfig, "proxy", "--port=0"]);
const proxied = await new Promise((resolve, reject) => {
  proxy.stdout.on("data", (text) => resolve(String(text).match(/127\.0\.0\.1:\d+/)?.[0]));
  proxy.on("exit", () => reject(new Error("kubectl proxy ended")));
});
const scaled = `http://${proxied}/apis/apps/v1/namespaces/${namespace}/deployments/${deployment}/scale`;
const ask = async (method, body) => {
  const answer = await fetch(scaled, { method, body: JSON.stringify(body), headers: { "content-type": "application/merge-patch+json" } });
  return (await answer.json()).spec.replicas;
};

const now = () => performance.timeOrigin + performance.now();
const seen = { kubectl: new Map(), document: new Map(), pixel: new Map() };
const watch = spawn(kubectl, ["--kubeconfig", kubeconfig, "get", "deployment", deployment, "-n", namespace, "--watch", "--no-headers"]);
let rest = "";
watch.stdout.on("data", (text) => {
  const at = now();
  const lines = (rest + text).split("\n");
  rest = lines.pop();
  for (const line of lines) {
    const wanted = Number(line.split(/\s+/)[1]?.split("/")[1]);
    seen.kubectl.set(wanted, seen.kubectl.get(wanted) ?? at);
  }
});

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
await page.goto(`${url}/sign-in`);
await page.getByLabel("User name").fill(user);
await page.getByLabel("Password").fill(password);
await page.getByRole("button", { name: "Sign in" }).click();
await page.waitForURL((address) => !address.pathname.startsWith("/sign-in"));
await page.exposeFunction("told", (what, wanted, at) => seen[what].set(wanted, seen[what].get(wanted) ?? at));
await page.goto(url);
await page.evaluate((name) => {
  const look = () => {
    const figure = document.querySelector(`[id^="v-deployment/"][id$="/${name}"] .fig`)?.textContent ?? "";
    const wanted = Number(figure.match(/\d+\s*(?:\/|of)\s*(\d+)/)?.[1]);
    if (wanted) {
      window.told("document", wanted, performance.timeOrigin + performance.now());
      // What is in the document now is on the screen with the frame after the next one begins.
      requestAnimationFrame(() => setTimeout(() => window.told("pixel", wanted, performance.timeOrigin + performance.now()), 0));
    }
  };
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
}, deployment);

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const before = await ask("GET").catch(() => 3);
const low = Math.max(before, 2);
try {
  for (let change = 0; change < Number(count); change += 1) {
    const wanted = low + 1 + (change % 2);
    Object.values(seen).forEach((times) => times.delete(wanted));
    const began = now();
    await ask("PATCH", { spec: { replicas: wanted } });
    const all = () => Object.values(seen).every((times) => times.has(wanted));
    while (!all() && now() - began < PATIENCE_MS) {
      await sleep(20);
    }
    if (all()) {
      console.log(Object.values(seen).map((times) => (times.get(wanted) - began).toFixed(1)).join(" "));
    }
    // Off the beat of whatever ticks once a second.
    await sleep(1_500 + Math.random() * 1_000);
  }
} finally {
  await ask("PATCH", { spec: { replicas: before } }).catch(() => {});
  watch.kill();
  proxy.kill();
  await browser.close();
}
process.exit(0);
