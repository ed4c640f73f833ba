// Wakes the islands of a page: fetches the module once, then hands each island's element to the function named on it.
// A page without islands loads no WebAssembly. Bundled with wasm-bindgen's script; WASM_URL is filled in at build.
import * as glue from "quarterdeck-glue";

// The number after a component's name is a hash by the compiler. Server and browser half may have been compiled by two
// compilers that disagree on it, so an island is also found by its name alone.
const byName = new Map(
  Object.keys(glue).map((key) => [key.replace(/_\d+$/, ""), glue[key]]),
);

function wake(island) {
  const key = island.dataset.component ?? "";
  const component = glue[key] ?? byName.get(key.replace(/_\d+$/, ""));
  if (!component) {
    throw new Error(`this page has an island "${key}" that the browser half does not know`);
  }
  return component(island);
}

// In document order, since an outer island lays out the context of those in its slots. `slot` is the nearest
// <leptos-children>, whose owner the component framework restores through `$$on_hydrate`.
async function walk(element, slot) {
  let failures = 0;
  if (element.localName === "leptos-island") {
    try {
      slot?.$$on_hydrate?.();
      await wake(element);
    } catch (error) {
      // One island that fails leaves the others, and the page as the server drew it, as they were.
      failures += 1;
      console.error(error);
    }
  }
  const inner = element.localName === "leptos-children" ? element : slot;
  for (const child of element.children) {
    failures += await walk(child, inner);
  }
  return failures;
}

async function start() {
  const state = document.documentElement.dataset;
  if (!document.querySelector("leptos-island")) {
    state.islands = "none";
    return;
  }
  try {
    await glue.default({ module_or_path: WASM_URL });
    glue.hydrate();
    state.islands = (await walk(document.body, null)) === 0 ? "awake" : "failed";
  } catch (error) {
    // Without the module the page stays what the server sent, which is complete.
    state.islands = "failed";
    console.error(error);
  }
}

start();
