/** Compute systems by computecore.dll. */
import { abortable } from "../../../abortable.ts";
import { takeText } from "../../ffi/memory.ts";
import { requireSuccess } from "../../ffi/result.ts";
import { out } from "../../ffi/types.ts";
import type { NativeCall, NativeCompute, NativeSystem } from "../native.ts";
import { computecore, runOperation } from "./operations.ts";
import { CoreSystem } from "./system.ts";

export class CoreCompute implements NativeCompute {
  /** Whether this Windows has it. */
  static isAvailable(): boolean {
    return computecore.has("HcsCreateOperation");
  }

  enumerate(query: string, call: NativeCall): Promise<string | undefined> {
    return runOperation(
      (operation) => computecore.run("HcsEnumerateComputeSystems", [query, operation], call),
      call,
    );
  }

  create(id: string, document: string, call: NativeCall): Promise<NativeSystem> {
    return CoreSystem.create(id, document, call);
  }

  open(id: string, call: NativeCall): Promise<NativeSystem> {
    return CoreSystem.open(id, call);
  }

  serviceProperties(query: string, call: NativeCall): Promise<string | undefined> {
    return askService("HcsGetServiceProperties", query, call);
  }

  async modifyService(settings: string, call: NativeCall): Promise<void> {
    await askService("HcsModifyServiceSettings", settings, call);
  }
}

/** The functions of the service have no operations: they return when they are done. */
async function askService(
  name: "HcsGetServiceProperties" | "HcsModifyServiceSettings",
  text: string,
  call: NativeCall,
): Promise<string | undefined> {
  const place = out();
  const asked = computecore.run(name, [text, place], call).then((hresult) => {
    const document = takeText(place[0]);
    requireSuccess(hresult, call.attempt, document);
    return document;
  });
  return abortable(asked, call.signal);
}
