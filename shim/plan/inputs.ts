/** What a plan is made of, taken apart: each thing that somebody wrote and that could have been left out. */
import { isObject, pointer, type JsonObject } from "../../oci/json.ts";
import type { PlanTask, PodPlanInput } from "./rehearse.ts";

export interface PlanInput {
  /** What people call it: `annotation <key>`, `option <name>`, a JSON pointer into the spec. */
  readonly name: string;
  /** The same plan without it. */
  without(all: PodPlanInput): PodPlanInput;
}

/** Members of a spec that are one decision, however much is in them. */
const WHOLE = new Set([
  "/windows/credentialSpec",
  "/linux/seccomp",
  "/hooks",
  "/windows/hyperv",
  "/process/consoleSize",
]);
/** They say what the rest is; without them it is another plan. */
const ESSENTIAL = new Set(["/ociVersion", "/windows", "/linux"]);

/** The same inputs of several tasks are one. */
export function inputsOf(plan: PodPlanInput): PlanInput[] {
  const inputs = new Map<string, PlanInput>();
  for (const name of Object.keys(plan.runtime)) {
    inputs.set(`option ${name}`, {
      name: `option ${name}`,
      without: (all) => ({ ...all, runtime: withoutMember(all.runtime, name) }),
    });
  }
  for (const { document } of plan.tasks) {
    const annotations = isObject(document["annotations"]) ? document["annotations"] : {};
    for (const key of Object.keys(annotations)) inputs.set(`annotation ${key}`, annotationInput(key));
  }
  for (const task of plan.tasks) {
    const owner = plan.tasks.length === 1 ? "" : `${task.id}: `;
    for (const path of paths(task.document)) {
      const name = `${owner}${path.reduce<string>((at, member) => pointer(at, member), "")}`;
      inputs.set(name, {
        name,
        without: (all) => mapTask(all, task.id, (document) => remove(document, path) as JsonObject),
      });
    }
  }
  return [...inputs.values()];
}

/** Containers have their pod's annotations, so it goes everywhere. */
function annotationInput(key: string): PlanInput {
  const strip = (document: JsonObject): JsonObject =>
    isObject(document["annotations"])
      ? { ...document, annotations: withoutMember(document["annotations"], key) }
      : document;
  return {
    name: `annotation ${key}`,
    without: (all) => ({
      ...all,
      tasks: all.tasks.map((task) => ({ ...task, document: strip(task.document) })),
    }),
  };
}

type Path = readonly (string | number)[];

/** Places in a spec, down to texts, numbers and elements of lists. */
function paths(value: unknown, at: Path = []): Path[] {
  const name = at.reduce<string>((path, member) => pointer(path, member), "");
  if (name === "/annotations") return [];
  const inner: Path[] = Array.isArray(value)
    ? value.map((_, index) => [...at, index])
    : isObject(value) && !WHOLE.has(name)
      ? Object.entries(value).flatMap(([member, child]) =>
          isObject(child) || Array.isArray(child) ? paths(child, [...at, member]) : [[...at, member]],
        )
      : [];
  const own = at.length === 0 || ESSENTIAL.has(name) || inner.length > 0 ? [] : [at];
  return [...inner.filter((path) => !ESSENTIAL.has(`/${path.join("/")}`)), ...own];
}

function mapTask(all: PodPlanInput, id: string, change: (document: JsonObject) => JsonObject): PodPlanInput {
  const tasks = all.tasks.map((task): PlanTask =>
    task.id === id ? { ...task, document: change(task.document) } : task,
  );
  return { ...all, tasks };
}

function withoutMember<T>(object: Readonly<Record<string, T>>, name: string): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(object).filter(([member]) => member !== name));
}

function remove(value: unknown, [member, ...rest]: Path): unknown {
  if (member === undefined) return value;
  if (Array.isArray(value)) {
    return rest.length === 0
      ? value.filter((_, index) => index !== member)
      : value.map((element: unknown, index) => (index === member ? remove(element, rest) : element));
  }
  if (!isObject(value)) return value;
  if (rest.length === 0) return withoutMember(value, String(member));
  return { ...value, [member]: remove(value[member], rest) };
}
