/** Compute systems by vmcompute.dll. */
import { takeText } from "../../ffi/memory.ts";
import { out } from "../../ffi/types.ts";
import type { NativeCall, NativeCompute, NativeSystem } from "../native.ts";
import { callService, vmcompute } from "./calls.ts";
import { VmSystem } from "./system.ts";

export class VmCompute implements NativeCompute {
  async enumerate(query: string, call: NativeCall): Promise<string | undefined> {
    const place = out();
    await callService(
      (result) => vmcompute.run("HcsEnumerateComputeSystems", [query, place, result], call),
      call,
      () => takeText(place[0]),
    );
    return takeText(place[0]);
  }

  create(id: string, document: string, call: NativeCall): Promise<NativeSystem> {
    return VmSystem.create(id, document, call);
  }

  open(id: string, call: NativeCall): Promise<NativeSystem> {
    return VmSystem.open(id, call);
  }

  async serviceProperties(query: string, call: NativeCall): Promise<string | undefined> {
    const place = out();
    await callService(
      (result) => vmcompute.run("HcsGetServiceProperties", [query, place, result], call),
      call,
      () => takeText(place[0]),
    );
    return takeText(place[0]);
  }

  async modifyService(settings: string, call: NativeCall): Promise<void> {
    await callService((result) => vmcompute.run("HcsModifyServiceSettings", [settings, result], call), call);
  }
}
