/**
 * vmcompute.dll: compute systems and processes on Windows before computecore.dll. Calls answer themselves, or that they are pending:
 * then a notification follows.
 */
export const VMCOMPUTE = {
  file: "vmcompute.dll",
  since: 14393,
  feature: "compute systems",
  source: "https://github.com/microsoft/hcsshim/tree/main/internal/vmcompute",
  unproven: "that the service accepts the documents, and how long it takes",
  functions: {
    HcsEnumerateComputeSystems: "i32 (text? query, outText systems, outText result)",
    HcsCreateComputeSystem:
      "i32 (text id, text configuration, handle identity, outHandle system, outText result)",
    HcsOpenComputeSystem: "i32 (text id, outHandle system, outText result)",
    HcsCloseComputeSystem: "i32 (handle system)",
    HcsStartComputeSystem: "i32 (handle system, text? options, outText result)",
    HcsShutdownComputeSystem: "i32 (handle system, text? options, outText result)",
    HcsTerminateComputeSystem: "i32 (handle system, text? options, outText result)",
    HcsPauseComputeSystem: "i32 (handle system, text? options, outText result)",
    HcsResumeComputeSystem: "i32 (handle system, text? options, outText result)",
    HcsGetComputeSystemProperties: "i32 (handle system, text? query, outText properties, outText result)",
    HcsModifyComputeSystem: "i32 (handle system, text configuration, outText result)",
    HcsRegisterComputeSystemCallback:
      "i32 (handle system, handle callback, handle context, outHandle callbackHandle)",
    HcsUnregisterComputeSystemCallback: "i32 (handle callbackHandle)",

    HcsCreateProcess:
      "i32 (handle system, text parameters, buffer information, outHandle process, outText result)",
    HcsOpenProcess: "i32 (handle system, u32 processId, outHandle process, outText result)",
    HcsCloseProcess: "i32 (handle process)",
    HcsTerminateProcess: "i32 (handle process, outText result)",
    HcsSignalProcess: "i32 (handle process, text? options, outText result)",
    HcsGetProcessProperties: "i32 (handle process, outText properties, outText result)",
    HcsModifyProcess: "i32 (handle process, text? settings, outText result)",
    HcsRegisterProcessCallback:
      "i32 (handle process, handle callback, handle context, outHandle callbackHandle)",
    HcsUnregisterProcessCallback: "i32 (handle callbackHandle)",

    HcsGetServiceProperties: "i32 (text? query, outText properties, outText result)",
    HcsModifyServiceSettings: "i32 (text settings, outText result)",
  },
  facts: {
    HcsSignalProcess: { since: 16299, feature: "signals other than a forced end" },
    HcsGetServiceProperties: { unproven: "which property types a build answers" },
  },
} as const;
