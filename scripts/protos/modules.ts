/** Which generated module holds the declarations of which `.proto` files. */
export const MODULES: Readonly<Record<string, readonly string[]>> = {
  google: [
    "google/protobuf/any.proto",
    "google/protobuf/empty.proto",
    "google/protobuf/timestamp.proto",
    "google/rpc/status.proto",
  ],
  ttrpc: ["ttrpc/request.proto"],
};
