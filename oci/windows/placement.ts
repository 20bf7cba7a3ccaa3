/** Where a Windows container runs. */
export type Placement =
  | {
      /** Process isolation: on the host itself. */
      readonly kind: "host";
      readonly build: number;
      readonly processors: number;
    }
  | {
      /** Hypervisor isolation: in the VM of its pod. */
      readonly kind: "vm";
      readonly build: number;
      /** Processors of the VM. */
      readonly processors: number;
      readonly hostProcessors: number;
      /** `cpu.maximum` means a share of the host's processors. */
      readonly scaleProcessorLimit: boolean;
      /** What the pod says about dumps; containers may say otherwise. */
      readonly processDumpLocation?: string;
    };
