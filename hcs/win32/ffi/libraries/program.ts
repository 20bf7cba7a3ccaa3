/** The running program itself: Node exports the functions of libuv to native modules. */

export const PROGRAM = {
  file: "node.exe",
  isProgram: true,
  since: 10240,
  feature: "streams on handles of the system",
  source: "https://docs.libuv.org/en/v1.x/fs.html#c.uv_open_osfhandle",
  functions: {
    uv_open_osfhandle: "i32 (handle object)",
  },
} as const;
