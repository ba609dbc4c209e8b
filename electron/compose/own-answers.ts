import type { OperationOutput, OperationParams } from '../../shared/console/contract'
import type { Caller, OperationHandlers } from '../console/operations'

type AskedOperation = 'sync.status' | 'telemetry.status' | 'documents.export' | 'decisions.list'
export type AskedHandlers = Pick<OperationHandlers, AskedOperation>

/** The controller asks itself as anybody with full rights could. */
export const self: Caller = { actor: 'system:diagnostics', role: 'admin' }

/** Null: it was refused, or failed. */
export async function ownAnswer<N extends AskedOperation>(
  handlers: () => AskedHandlers,
  operation: N,
  params: OperationParams<N>,
): Promise<OperationOutput<N> | null> {
  try {
    return await handlers()[operation](params, self)
  } catch {
    return null
  }
}
