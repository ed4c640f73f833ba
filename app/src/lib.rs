//! The browser-facing half of Quarterdeck: values in, markup out.
//!
//! The server renders [`pages`] from [`model`] values through [`render`]; the same crate, compiled to WebAssembly, brings [`islands`]
//! to life. Nothing here fetches, stores or decides: there is no door from this crate into the server.

#[cfg(feature = "ssr")]
pub mod components;
pub mod islands;
pub mod model;
#[cfg(feature = "ssr")]
pub mod pages;
#[cfg(feature = "ssr")]
pub mod render;

/// Called once by the page's script before it wakes the first island.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_islands();
}
