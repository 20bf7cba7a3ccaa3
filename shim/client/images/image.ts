/** Images in the words of the OCI image specification, as far as a container depends on them. */

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: { readonly os?: string; readonly architecture?: string };
}

export interface Manifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

/** The image configuration: how its programs are meant to run. */
export interface ImageConfiguration {
  readonly os: string;
  readonly architecture: string;
  readonly "os.version"?: string;
  readonly config?: {
    readonly Env?: readonly string[] | null;
    readonly Entrypoint?: readonly string[] | null;
    readonly Cmd?: readonly string[] | null;
    readonly WorkingDir?: string;
    readonly User?: string;
    readonly Labels?: Readonly<Record<string, string>> | null;
  };
  /** Digests of the layers, uncompressed, lowest first. */
  readonly rootfs: { readonly diff_ids: readonly string[] };
}

/** An image that an engine has. */
export interface ImageInfo {
  readonly name: string;
  /** Of the manifest, or of the index it was chosen from. */
  readonly digest: string;
  readonly configuration: ImageConfiguration;
}

/** Media types that lead to a manifest or are one; Docker's are the same documents under older names. */
export const MEDIA_TYPE = {
  index: [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
  ],
  manifest: [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
  ],
} as const;

/** Architectures as Go and OCI name them. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386" };

/** The architecture of this machine, in the words of images. */
export function hostArchitecture(): string {
  return ARCHITECTURES[process.arch] ?? process.arch;
}
