import assert from "node:assert/strict";
import {
  encodeFrame,
  FRAME,
  FrameReader,
  type Frame,
} from "../../../../../../../hcs/emulator/guest/windows/pipes/frames.ts";

const stream = Buffer.concat([
  encodeFrame(FRAME.opened, 7, 1),
  encodeFrame(FRAME.data, 7, 5),
  Buffer.from("hello"),
  encodeFrame(FRAME.data, 8, 0),
  encodeFrame(FRAME.closed, 7),
]);

const described = ({ kind, id, number, data }: Frame): string => `${kind} ${id} ${number} ${data.toString()}`;

describe("FrameReader", () => {
  it("finds the frames of a stream, wherever it is cut", () => {
    const whole = new FrameReader().push(stream).map(described);
    assert.deepEqual(whole, ["3 7 1 ", "4 7 5 hello", "4 8 0 ", "6 7 0 "]);
    for (let cut = 0; cut <= stream.length; cut++) {
      const reader = new FrameReader();
      const frames = [...reader.push(stream.subarray(0, cut)), ...reader.push(stream.subarray(cut))];
      assert.deepEqual(frames.map(described), whole, `cut at ${cut}`);
    }
  });

  it("refuses lengths that no relay sends before it waits for the bytes", () => {
    assert.throws(() => new FrameReader().push(encodeFrame(FRAME.data, 1, 0xffff_ffff)), /longer than/);
  });
});
