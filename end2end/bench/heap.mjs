// What a page holds while its stream goes on: heap, nodes and listeners after a forced collection, every half minute.
// node heap.mjs URL MINUTES  ->  "MINUTE HEAP_BYTES NODES LISTENERS" a line. URL signs the browser in by itself, as a wall's link does.
import { createRequire } from "node:module";

const { chromium } = createRequire(new URL("../package.json", import.meta.url))("playwright-core");
const [url, minutes] = process.argv.slice(2);

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
const page = await (await browser.newContext({ viewport: { width: 1920, height: 1080 } })).newPage();
await page.goto(url);
const devtools = await page.context().newCDPSession(page);
await devtools.send("Performance.enable");
const began = Date.now();
for (let look = 0; look <= Number(minutes) * 2; look += 1) {
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, began + look * 30_000 - Date.now())));
  await devtools.send("HeapProfiler.collectGarbage");
  const { metrics } = await devtools.send("Performance.getMetrics");
  const of = (name) => metrics.find((metric) => metric.name === name)?.value;
  console.log(`${((Date.now() - began) / 60_000).toFixed(1)} ${of("JSHeapUsedSize")} ${of("Nodes")} ${of("JSEventListeners")}`);
}
await browser.close();
