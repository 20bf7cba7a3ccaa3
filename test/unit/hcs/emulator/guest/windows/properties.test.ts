import assert from "node:assert/strict";
import { withoutServices } from "../../../../../../hcs/emulator/guest/windows/properties.ts";

describe("withoutServices", () => {
  it("leaves what a job would have", () => {
    const list = ["services.exe", "WineDevice.exe", "app.exe", undefined].map((ImageName, ProcessId) => ({
      ProcessId,
      ...(ImageName === undefined ? {} : { ImageName }),
    }));
    assert.deepEqual(
      withoutServices(list).map(({ ProcessId }) => ProcessId),
      [2, 3],
    );
  });
});
