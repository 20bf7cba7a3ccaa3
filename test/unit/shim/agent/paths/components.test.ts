import assert from "node:assert/strict";
import { componentProblem, looksShort } from "../../../../../shim/agent/paths/components.ts";

describe("componentProblem", () => {
  const devices = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
  for (const digit of "0123456789¹²³") devices.push(`COM${digit}`, `LPT${digit}`);
  for (const name of devices)
    it(`refuses ${name} in any case, with any extension and spaces before it`, () => {
      for (const spelling of [name, name.toLowerCase(), `${name}.txt`, `${name}  .a.b`])
        assert.equal(componentProblem(spelling), "RESERVED_NAME", spelling);
    });

  for (const name of ["CONSOLE", "COM", "COM10", "COM⁴", "LPTX", "NULL", " CON", "a.con", "con-1", ".con"])
    it(`takes ${JSON.stringify(name)}`, () => assert.equal(componentProblem(name), undefined));

  it("refuses every control character and every wildcard", () => {
    for (let code = 0; code < 0x20; code += 1)
      assert.equal(componentProblem(`a${String.fromCharCode(code)}b`), "INVALID_CHAR");
    for (const character of '<>"|?*') assert.equal(componentProblem(`a${character}b`), "INVALID_CHAR");
  });
  it("takes 255 UTF-16 units and no more", () => {
    assert.equal(componentProblem("ä".repeat(255)), undefined);
    assert.equal(componentProblem("𝒳".repeat(128)), "SEGMENT_TOO_LONG");
  });
});

describe("looksShort", () => {
  for (const name of ["A~1", "PROGRA~1", "ABCDEF~1.TXT", "AB~12345.C", "A~1."])
    it(`sees a short name in ${name}`, () => assert.equal(looksShort(name), true));
  for (const name of ["backup~", "verylongname~1.txt", "A~1.HTML", "ABCDEF~12", "~1", "A~1.B.C", "A~B1"])
    it(`sees none in ${name}`, () => assert.equal(looksShort(name), false));
});
