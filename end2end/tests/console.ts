// What every journey needs: the demo's people, the pages' state, accessibility, pictures.
import { AxeBuilder } from "@axe-core/playwright";
import { type Page, test as base, expect } from "@playwright/test";
import { mkdir } from "node:fs/promises";
import path from "node:path";

export { expect };

/** The people of the demo; the keys of its environment file. */
export type Who = "ADMIN" | "ADMIN2" | "OPERATOR" | "OPERATOR2" | "RESPONDER" | "VIEWER" | "AUDITOR";

/** The two sizes at which every page is looked at. */
export const SIZES = [
  { width: 1440, height: 900 },
  { width: 390, height: 844 },
] as const;

export type Theme = "light" | "dark";
export const THEMES: readonly Theme[] = ["light", "dark"];

/** A value of the environment file, or a failure that names it. */
export function given(key: string): string {
  const value = process.env[key];
  if (!value) {
    throw new Error(`${key} is not set; run the journeys by \`cargo xtask e2e\``);
  }
  return value;
}

export class Console {
  constructor(
    readonly page: Page,
    /** Whether this browser runs scripts. */
    readonly script: boolean,
  ) {}

  /** Opens a page and waits until its islands are awake, where there are scripts and islands. */
  async open(path: string): Promise<void> {
    const response = await this.page.goto(path);
    expect(response, `no answer for ${path}`).not.toBeNull();
    await this.awake();
  }

  /** The loader says on the root element how far the islands are: none, awake or failed. */
  async awake(): Promise<void> {
    if (this.script) {
      await expect(this.page.locator("html")).toHaveAttribute("data-islands", /^(none|awake)$/);
    }
  }

  /** Signs in through the form, as a person does. */
  async signIn(who: Who): Promise<void> {
    await this.open("/sign-in");
    await this.page.getByLabel("User name").fill(given(`${who}_USER`));
    await this.page.getByLabel("Password").fill(given(`${who}_PASSWORD`));
    await this.page.getByRole("button", { name: "Sign in" }).click();
    await expect(this.page).not.toHaveURL(/\/sign-in/);
    await this.awake();
  }

  /** Accessibility: WCAG 2.2 AA and axe's best practices, 0 findings. Needs scripts in the page, so only where they run. */
  async accessible(): Promise<void> {
    if (!this.script) {
      return;
    }
    const result = await new AxeBuilder({ page: this.page }).analyze();
    const findings = result.violations.map((found) => ({
      rule: found.id,
      help: found.help,
      where: found.nodes.map((node) => node.target.join(" ")),
    }));
    expect(findings).toEqual([]);
  }

  /** Runs `look` in each theme; the browser's preference decides, as for a person who chose nothing. */
  async inEachTheme(look: (theme: Theme) => Promise<void>): Promise<void> {
    for (const theme of THEMES) {
      await this.page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
      await look(theme);
    }
  }

  /** Pictures of the page as it is, in every size and theme: NAME-WIDTHxHEIGHT-THEME-STATE.png. */
  async picture(name: string, state = "healthy"): Promise<void> {
    const folder = given("QUARTERDECK_SCREENSHOTS");
    await mkdir(folder, { recursive: true });
    const before = this.page.viewportSize();
    await this.inEachTheme(async (theme) => {
      for (const size of SIZES) {
        await this.page.setViewportSize(size);
        const file = `${name}-${size.width}x${size.height}-${theme}-${state}.png`;
        await this.page.screenshot({ path: path.join(folder, file), fullPage: true, animations: "disabled" });
      }
    });
    if (before) {
      await this.page.setViewportSize(before);
    }
  }
}

/** `test` with the console at hand; it fails on whatever a page writes to the browser's console as an error. */
export const test = base.extend<{ console: Console }>({
  console: async ({ page, javaScriptEnabled }, use) => {
    const errors: string[] = [];
    page.on("console", (message) => {
      // A refused form answers 4xx on purpose, and the browser logs each such answer.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
        errors.push(message.text());
      }
    });
    page.on("pageerror", (error) => errors.push(error.message));
    await use(new Console(page, javaScriptEnabled ?? true));
    expect(errors, "errors in the browser's console").toEqual([]);
  },
});
