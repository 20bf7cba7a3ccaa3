/**
 * Which way imports point (ARCHITECTURE.md, "Direction"). `npm run check` runs this.
 *
 * @type {import('dependency-cruiser').IConfiguration}
 */
const only = (name, from, to, comment) => ({
  name,
  severity: "error",
  comment,
  from: { path: "^(protos|hcs|oci|shim)/", pathNot: from },
  to: { path: to },
});

module.exports = {
  forbidden: [
    {
      name: "no-cycles",
      severity: "error",
      comment: "A cycle means two files that are one thing, or a missing third",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "protos-know-nothing",
      severity: "error",
      from: { path: "^protos/" },
      to: { path: "^(hcs|oci|shim|test|scripts)/" },
    },
    {
      name: "hcs-knows-nothing",
      severity: "error",
      from: { path: "^hcs/" },
      to: { path: "^(protos|oci|shim|test|scripts)/" },
    },
    {
      name: "oci-knows-the-schema-only",
      severity: "error",
      from: { path: "^oci/" },
      to: { path: "^(protos|shim|test|scripts|hcs/(?!schema/))" },
    },
    {
      name: "shim-knows-no-tests",
      severity: "error",
      from: { path: "^shim/" },
      to: { path: "^(test|scripts)/" },
    },
    {
      name: "ttrpc-stands-alone",
      severity: "error",
      comment:
        "shim/ttrpc is exported as a package of its own: it takes the envelope from protos and nothing else",
      from: { path: "^shim/ttrpc/" },
      to: {
        path: "^(protos|hcs|oci|shim)/",
        pathNot: "^(shim/ttrpc/|protos/(wire|types|gen/(ttrpc|google)))",
      },
    },
    {
      name: "light-commands",
      severity: "error",
      comment:
        "start, delete and -info load none of the daemon: they are on the path of every pod and container",
      from: { path: "^shim/(main|flags|commands/(start|delete|info))\\.ts$" },
      to: { path: "(^shim/(service|pod|task|io|events|log|stats)/|^node_modules/)" },
    },
    only(
      "koffi-in-its-place",
      "^hcs/(win32|posix)/",
      "node_modules/koffi",
      "The FFI package is seen in hcs/win32 and hcs/posix alone",
    ),
    only("winston-in-its-place", "^shim/log/", "node_modules/winston", "winston is seen in shim/log alone"),
    only(
      "protobufjs-in-its-place",
      "^protos/",
      "node_modules/protobufjs",
      "protobufjs is seen in protos alone",
    ),
    only(
      "grpc-in-its-place",
      "^shim/(agent|client)/",
      "node_modules/@grpc",
      "grpc-js only where gRPC is spoken",
    ),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { extensions: [".ts", ".js", ".json"] },
  },
};
