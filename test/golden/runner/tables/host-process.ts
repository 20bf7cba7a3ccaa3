/** Pod, container and guest → what the container may be, and its process. */
import { SpecError } from "../../../../oci/errors.ts";
import { hostProcessKind } from "../../../../oci/host-process/classify.ts";
import { guestProcess } from "../../../../oci/host-process/guest-process.ts";
import { joinPod } from "../../../../oci/host-process/join-pod.ts";
import { isIsolated } from "../../../../oci/isolation.ts";
import { readSpec, type Process, type Spec } from "../../../../oci/spec.ts";
import type { Json } from "../../../../hcs/scripted/platform.ts";

export function hostProcessRow(row: Json): Json {
  const container = readSpec(row["spec"]);
  const joined = join(row, container);
  const inPod: Spec = { ...container, annotations: joined.annotations };
  const { process } = inPod;
  return {
    ...joined,
    isIsolated: isIsolated(inPod),
    isJobContainer: hostProcessKind(inPod) !== "none",
    ...(process === undefined
      ? {}
      : { process: processJson("error" in joined ? process : guestProcess(inPod, process)) }),
  };
}

/** A container that is refused keeps what it has. */
function join(row: Json, container: Spec): { readonly annotations: Readonly<Record<string, string>> } {
  try {
    const annotations = joinPod({
      pod: readSpec(row["podSpec"]),
      container,
      guestSupport: row["uvmSupportsHostProcess"] as boolean | undefined,
      policy: "merged",
    });
    return { annotations };
  } catch (error) {
    if (!(error instanceof SpecError)) throw error;
    return { annotations: container.annotations, ...{ error: error.message } };
  }
}

function processJson({ args, commandLine = "", username = "" }: Process): Json {
  return { args, commandLine, user: username };
}
