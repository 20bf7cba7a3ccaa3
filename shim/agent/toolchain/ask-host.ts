/** Asks a compiler of this machine. */
import { execFile } from "node:child_process";
import { ANSWER_MS, type Ask } from "./probe.ts";

export const askHost: Ask = ([program = "", ...args]) =>
  new Promise((resolve) => {
    const options = {
      ...({ timeout: ANSWER_MS, killSignal: "SIGKILL", maxBuffer: 1 << 20, windowsHide: true } as const),
      env: { ...process.env, LC_ALL: "C", VSLANG: "1033" },
    };
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      // A compiler may end with a failure and still have said what it is; one that never ran has no exit code.
      resolve(error !== null && typeof error.code !== "number" ? undefined : { stdout, stderr });
    });
    child.stdin?.end();
  });
