/**
 * computecore.dll: compute systems and processes by operations. A call that takes an operation returns at once; the operation's
 * callback tells when it has completed.
 */

export const COMPUTECORE = {
  file: "computecore.dll",
  since: 17763,
  feature: "compute systems",
  source: "https://learn.microsoft.com/virtualization/api/hcs/reference/apioverview",
  unproven: "that the service accepts the documents, and how long it takes",
  functions: {
    HcsCreateOperation: "handle (handle context, handle callback)",
    HcsCloseOperation: "void (handle operation)",
    HcsCancelOperation: "i32 (handle operation)",
    HcsGetOperationResult: "i32 (handle operation, outText result)",
    HcsGetOperationResultAndProcessInfo: "i32 (handle operation, buffer information, outText result)",

    HcsEnumerateComputeSystems: "i32 (text? query, handle operation)",
    HcsCreateComputeSystem:
      "i32 (text id, text configuration, handle operation, handle securityDescriptor, outHandle system)",
    HcsOpenComputeSystem: "i32 (text id, u32 access, outHandle system)",
    HcsCloseComputeSystem: "void (handle system)",
    HcsSetComputeSystemCallback: "i32 (handle system, u32 options, handle context, handle callback)",
    HcsStartComputeSystem: "i32 (handle system, handle operation, text? options)",
    HcsShutDownComputeSystem: "i32 (handle system, handle operation, text? options)",
    HcsTerminateComputeSystem: "i32 (handle system, handle operation, text? options)",
    HcsPauseComputeSystem: "i32 (handle system, handle operation, text? options)",
    HcsResumeComputeSystem: "i32 (handle system, handle operation, text? options)",
    HcsGetComputeSystemProperties: "i32 (handle system, handle operation, text? query)",
    HcsModifyComputeSystem: "i32 (handle system, handle operation, text configuration, handle identity)",

    HcsCreateProcess:
      "i32 (handle system, text parameters, handle operation, handle securityDescriptor, outHandle process)",
    HcsOpenProcess: "i32 (handle system, u32 processId, u32 access, outHandle process)",
    HcsCloseProcess: "void (handle process)",
    HcsSetProcessCallback: "i32 (handle process, u32 options, handle context, handle callback)",
    HcsTerminateProcess: "i32 (handle process, handle operation, text? options)",
    HcsSignalProcess: "i32 (handle process, handle operation, text? options)",
    HcsModifyProcess: "i32 (handle process, handle operation, text settings)",

    HcsGetServiceProperties: "i32 (text? query, outText result)",
    HcsModifyServiceSettings: "i32 (text settings, outText result)",
  },
} as const;
