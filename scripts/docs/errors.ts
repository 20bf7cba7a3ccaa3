import { HRESULTS } from "../../hcs/hresult-table.ts";
import { ERRORS } from "../../shim/errors.ts";
import { code, document, GENERATED, table } from "./markdown.ts";

export function errorsDocument(): string {
  return document(
    GENERATED,
    "# Errors",
    "## Errors of the shim",
    "Each has a stable code, and reaches containerd with the status shown.",
    table(
      ["code", "status", "meaning"],
      Object.entries(ERRORS).map(([name, { status, meaning }]) => [code(name), status, meaning]),
    ),
    "## Result codes of the Host Compute Service",
    "A result code never travels alone: message texts have the number, the symbol, the sentence and, where there is one, the hint. Guests and vmcompute.dll write HCS codes as `0xc037…`; they mean the same.",
    table(
      ["value", "symbol", "sentence", "hint"],
      [...HRESULTS].map(([value, { symbol, sentence, hint }]) => [
        code(`0x${value.toString(16).padStart(8, "0")}`),
        code(symbol),
        sentence,
        hint ?? "",
      ]),
    ),
  );
}
