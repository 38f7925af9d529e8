/** Somebody at the dashboard who does what the how-to says: each word she uses must stand there. */
import assert from "node:assert/strict";

import type { Locator, Page } from "playwright-core";

const BOLD = /\*\*(.+?)\*\*/g;

export class Operator {
  readonly page: Page;
  readonly #told: ReadonlySet<string>;
  readonly #used = new Set<string>();

  /** @param words of the page's part about the dashboard */
  constructor(page: Page, words: string) {
    this.page = page;
    this.#told = new Set([...words.matchAll(BOLD)].map((match) => match[1]!));
  }

  /** Opens a page by the navigation. */
  async goTo(title: string): Promise<void> {
    const link = { name: this.#word(title), exact: true };
    await this.page.getByRole("navigation", { name: "Pages" }).getByRole("link", link).click();
    await this.page.getByRole("main").getByRole("heading", { name: title }).first().waitFor();
  }

  /** A link in the page, such as a row's. */
  async open(label: string): Promise<void> {
    await this.#main()
      .getByRole("link", { name: this.#word(label) })
      .first()
      .click();
  }

  /** A button, tab or item of a menu whose name begins so. @param where default: the page */
  async press(label: string, where: Locator = this.#main()): Promise<void> {
    const name = beginsWith(this.#word(label));
    const roles = ["button", "tab"] as const;
    const [button, tab] = roles.map((role) => where.getByRole(role, { name }));
    const item = this.page.getByRole("menuitem", { name });
    await button!.or(tab!).or(item).first().click();
  }

  /** The button of the dialog that is open. */
  async confirm(label: string): Promise<void> {
    const dialog = this.page.getByRole("dialog");
    await dialog.getByRole("button", { name: this.#word(label), exact: true }).click();
    await dialog.waitFor({ state: "detached" });
  }

  async fill(label: string, text: string): Promise<void> {
    const name = beginsWith(this.#word(label));
    await this.page.getByLabel(name).first().fill(text);
  }

  async choose(label: string, option: string): Promise<void> {
    await this.page.getByLabel(this.#word(label)).first().selectOption({ label: option });
  }

  async sees(text: string): Promise<void> {
    await this.page.getByText(this.#word(text)).first().waitFor();
  }

  async filter(label: string, terms: string): Promise<void> {
    const box = this.page.getByRole("combobox", { name: this.#word(label) });
    await box.fill(terms);
    await box.press("Escape");
    await box.press("Enter");
    await this.page.waitForURL((url) => url.searchParams.get("q") === terms);
  }

  /** @throws {AssertionError} naming what the page says and nobody needed */
  assertAllUsed(): void {
    assert.deepEqual(
      [...this.#told].filter((word) => !this.#used.has(word)),
      [],
    );
  }

  #main(): Locator {
    return this.page.getByRole("main");
  }

  #word(word: string): string {
    assert.ok(this.#told.has(word), `the page does not say **${word}**`);
    this.#used.add(word);
    return word;
  }
}

function beginsWith(label: string): RegExp {
  return new RegExp(`^${label.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")}`);
}
