/** The Host Network Service before HCN: requests in the manner of HTTP, as calls that block. */
import { HRESULT } from "../../hresult-table.ts";
import { parseJson } from "../../json.ts";
import { Lane } from "../ffi/lane.ts";
import { VMCOMPUTE_HNS } from "../ffi/libraries/vmcompute-hns.ts";
import { Library } from "../ffi/library.ts";
import { takeCoTaskText } from "../ffi/memory.ts";
import { failure, requireSuccess } from "../ffi/result.ts";
import { out } from "../ffi/types.ts";

const vmcompute = new Library(VMCOMPUTE_HNS, new Lane("network", 1));

export const HNS_CALLS = {
  /**
   * HNSCall.
   *
   * @param path `/networks/`, `/globals/version`
   * @param body what is sent with it; nothing without
   * @returns `Output` of the answer
   */
  request(method: "GET" | "POST" | "DELETE", path: string, body?: unknown): unknown {
    const attempt = { operation: `ask the network service to ${method}`, target: path };
    const response = out();
    const sent = body === undefined ? "" : JSON.stringify(body);
    const hresult = vmcompute.call("HNSCall", method, path, sent, response);
    const text = takeCoTaskText(response[0]);
    requireSuccess(hresult, attempt, text);
    return outputOf(text, (detail) => failure(HRESULT.failed, attempt, detail));
  },
} as const;

export type HnsCalls = typeof HNS_CALLS;

/** `{"Success", "Error", "Output"}` */
function outputOf(text: string | undefined, refused: (detail: string) => Error): unknown {
  let answer: unknown;
  try {
    answer = parseJson(text ?? "");
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  if (typeof answer !== "object" || answer === null) throw refused(`it answered ${text ?? "nothing"}`);
  const { Success, Error: said, Output } = answer as Record<string, unknown>;
  if (Success === true) return Output;
  throw refused(typeof said === "string" && said !== "" ? said : `it answered ${text ?? "nothing"}`);
}
