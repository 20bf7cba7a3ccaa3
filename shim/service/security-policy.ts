/** The policy that options attach to Linux containers, whoever made their specs. */
import { AnnotationReader } from "../../oci/annotations/read.ts";
import { privileged } from "../../oci/annotations/catalogue.ts";
import { createPolicy, withPolicy } from "../../oci/policy/policy.ts";
import { readSpec, type Spec } from "../../oci/spec.ts";
import type { Options } from "../options/own.ts";

/**
 * The spec with the policy in force; Windows containers have none, and are left as they are.
 *
 * @throws {SpecError} when the spec has a filter of its own, or its container is privileged
 */
export function withSecurityPolicy(spec: Spec, options: Options, warn: (warning: string) => void): Spec {
  const wanted = options.securityPolicy;
  if (wanted === undefined || spec.linux === undefined) return spec;
  const policy = createPolicy(wanted.profiles, { addSyscalls: wanted.syscalls, log: wanted.log });
  for (const warning of policy.warnings) warn(warning);
  const isPrivileged = new AnnotationReader(spec.annotations).read(privileged) ?? false;
  return readSpec(withPolicy(spec.document, policy, isPrivileged));
}
