/** The services of a server, by the names that requests use. */
import type { MethodDescriptor, ServiceDescriptor, ServiceHandlers } from "../../protos/types.ts";
import type { CallContext } from "./call-context.ts";

/** A handler when its types are only known to the descriptor beside it. */
export type AnyHandler = (request: unknown, context: CallContext) => unknown;

/** One method that can be called. */
export interface RegisteredMethod {
  readonly service: string;
  readonly descriptor: MethodDescriptor;
  readonly handler: AnyHandler;
}

export type RegisteredService = ReadonlyMap<string, RegisteredMethod>;

/** Service name → method name → method. */
export class Registry {
  readonly #services: Map<string, RegisteredService> = new Map();

  /** @throws {TypeError} when the service is there already or a method has no handler */
  add<S extends ServiceDescriptor>(service: S, handlers: ServiceHandlers<S, CallContext>): void {
    const { typeName } = service;
    if (this.#services.has(typeName))
      throw new TypeError(`cannot register service "${typeName}": it is registered already`);
    const methods = new Map<string, RegisteredMethod>();
    for (const [key, descriptor] of Object.entries(service.methods)) {
      const handler: unknown = handlers[key as keyof typeof handlers];
      if (typeof handler !== "function") {
        throw new TypeError(
          `cannot register service "${typeName}": method "${descriptor.name}" has no handler`,
        );
      }
      methods.set(descriptor.name, {
        service: typeName,
        descriptor,
        // Handlers may be the methods of one object.
        handler: handler.bind(handlers) as AnyHandler,
      });
    }
    this.#services.set(typeName, methods);
  }

  find(service: string): RegisteredService | undefined {
    return this.#services.get(service);
  }
}
