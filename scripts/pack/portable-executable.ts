/** Puts a blob and a description into a Windows executable (PE format), on any platform. */
import { NtExecutable, NtExecutableResource, Resource } from "resedit";

/** What the properties dialog of the file shows. */
export interface ExecutableInfo {
  readonly name: string;
  readonly description: string;
  readonly product: string;
  /** `1.2.3`. */
  readonly version: string;
  readonly copyright: string;
}

/** Name and type under which Node looks for the blob of a single executable, and the marker that makes it look. */
const BLOB_NAME = "NODE_SEA_BLOB";
const RT_RCDATA = 10;
const FUSE = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:";

const ENGLISH = 1033;
const UTF_16 = 1200;

/**
 * @param node `node.exe`; its signature does not hold for what becomes of it and is left out
 * @param blob what `node --experimental-sea-config` of the same version made
 */
export function makeSingleExecutable(node: Uint8Array, blob: Uint8Array, info: ExecutableInfo): Buffer {
  const executable = NtExecutable.from(node, { ignoreCert: true });
  const resources = NtExecutableResource.from(executable);
  resources.entries.push({
    type: RT_RCDATA,
    id: BLOB_NAME,
    lang: ENGLISH,
    codepage: UTF_16,
    bin: Uint8Array.from(blob).buffer,
  });
  describe(resources, info);
  resources.outputResource(executable);
  return blowFuse(Buffer.from(executable.generate()));
}

function describe(resources: NtExecutableResource, info: ExecutableInfo): void {
  const [version = Resource.VersionInfo.createEmpty()] = Resource.VersionInfo.fromEntries(resources.entries);
  version.lang = ENGLISH;
  version.setFileVersion(`${info.version}.0`, ENGLISH);
  version.setProductVersion(`${info.version}.0`, ENGLISH);
  version.setStringValues(
    { lang: ENGLISH, codepage: UTF_16 },
    {
      CompanyName: info.product,
      FileDescription: info.description,
      FileVersion: info.version,
      InternalName: info.name,
      LegalCopyright: info.copyright,
      OriginalFilename: `${info.name}.exe`,
      ProductName: info.product,
      ProductVersion: info.version,
    },
  );
  version.outputToResourceEntries(resources.entries);
}

function blowFuse(executable: Buffer): Buffer {
  const at = executable.indexOf(`${FUSE}0`);
  if (at < 0 || executable.indexOf(FUSE, at + 1) >= 0)
    throw new Error("cannot make a single executable: this node.exe does not have exactly one marker for it");
  executable.write("1", at + FUSE.length, "latin1");
  return executable;
}
