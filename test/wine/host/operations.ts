/** Operations of computecore.dll: a call is accepted at once and completes by an event. */
import { answerOf, refusal } from "./answer.ts";
import type { Answer, Call, Handler, RigMachine } from "./call.ts";
import type { Fields } from "./frame.ts";

/** Does the work of an operation. @returns what its result has beside the HRESULT */
type Work = (call: Call, machine: RigMachine) => Promise<Fields>;

/** Answers a call that takes an operation. `accept` decides what the caller gets at once. */
export function operation(work: Work): Handler {
  return acceptedOperation((call, machine) => ({ answer: {}, result: work(call, machine) }));
}

/** What the caller of an operation gets at once, and what the operation completes with. */
interface Accepted {
  readonly answer: Answer;
  readonly result: Promise<Fields>;
}

export function acceptedOperation(accept: (call: Call, machine: RigMachine) => Accepted): Handler {
  return async (call, machine) => {
    const id = call.number("operation");
    const fault = machine.faults.take(call.function);
    if (fault?.action === "hang") await machine.faults.hang(call.function);
    if (fault?.action === "refuse") return refusal(fault.hresult ?? 0, fault.document);
    const { answer, result } = accept(call, machine);
    const complete = async (): Promise<void> => {
      let completion: Fields;
      try {
        completion = { hresult: 0, ...(await result) };
      } catch (error) {
        completion = answerOf(error, (what) => machine.violation(call.function, what));
      }
      if (fault?.action === "withhold") await machine.faults.hang(call.function);
      if (fault?.action === "fail") completion = refusal(fault.hresult ?? 0, fault.document);
      call.connection.event("operation", { operation: id, ...completion });
    };
    complete().catch((error: unknown) => machine.violation(call.function, String(error)));
    return answer;
  };
}

/** Answers a call that returns its result itself. */
export function immediate(work: Work): Handler {
  return async (call, machine) => {
    const fault = machine.faults.take(call.function);
    if (fault?.action === "hang") await machine.faults.hang(call.function);
    if (fault?.action === "refuse" || fault?.action === "fail")
      return refusal(fault.hresult ?? 0, fault.document);
    return work(call, machine);
  };
}
