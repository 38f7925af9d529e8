import assert from "node:assert/strict";

import { describe, test } from "vitest";

import { iconOf, titleOf } from "./attention.model.ts";

describe("what is seen of a page that is not looked at", () => {
  test("its title begins with the number", () => {
    assert.equal(titleOf("Tasks", "3"), "(3) Tasks · Absurd");
    assert.equal(titleOf("Tasks", "!"), "(!) Tasks · Absurd");
    assert.equal(titleOf("Tasks", ""), "Tasks · Absurd");
    assert.equal(titleOf("Absurd", ""), "Absurd");
  });

  test("its icon has the number, of which there is room for one digit", () => {
    assert.match(iconOf("3", false), />3</);
    assert.match(iconOf("12", false), />9\+</);
    assert.match(iconOf("!", true), />!</);
    assert.doesNotMatch(iconOf("", false), /<text/);
    assert.notEqual(iconOf("3", true), iconOf("3", false));
  });
});
