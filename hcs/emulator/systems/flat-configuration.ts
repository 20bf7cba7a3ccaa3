/** The flat configuration of schema 1, which old builds take for containers on the host, as the document it means. */
import type { ComputeSystemDocument } from "../../schema/compute-system.ts";
import type { ContainerConfigurationV1 } from "../../schema/container.ts";

export function documentOf(
  document: ComputeSystemDocument | ContainerConfigurationV1,
): ComputeSystemDocument {
  return "SystemType" in document ? fromFlat(document) : document;
}

function fromFlat(flat: ContainerConfigurationV1): ComputeSystemDocument {
  const { ProcessorCount, ProcessorMaximum, ProcessorWeight, MemoryMaximumInMB, Layers } = flat;
  return {
    Owner: flat.Owner,
    SchemaVersion: { Major: 2, Minor: 1 },
    // What schema 1 never says: such containers end with their last handle.
    ShouldTerminateOnLastHandleClosed: true,
    Container: {
      ...(flat.HostName === undefined ? {} : { GuestOs: { HostName: flat.HostName } }),
      Storage: {
        Path: `${flat.VolumePath}\\`,
        ...(Layers === null ? {} : { Layers: Layers.map(({ ID, Path }) => ({ Id: ID, Path })) }),
      },
      ...(flat.MappedDirectories === undefined
        ? {}
        : {
            MappedDirectories: flat.MappedDirectories.map(({ HostPath, ContainerPath, ReadOnly }) => ({
              HostPath,
              ContainerPath,
              ReadOnly,
            })),
          }),
      ...(flat.MappedPipes === undefined ? {} : { MappedPipes: flat.MappedPipes }),
      ...(MemoryMaximumInMB === undefined ? {} : { Memory: { SizeInMB: MemoryMaximumInMB } }),
      Processor: {
        ...(ProcessorCount === undefined ? {} : { Count: ProcessorCount }),
        ...(ProcessorMaximum === undefined ? {} : { Maximum: ProcessorMaximum }),
        ...(ProcessorWeight === undefined ? {} : { Weight: ProcessorWeight }),
      },
      RegistryChanges: {},
    },
  };
}
