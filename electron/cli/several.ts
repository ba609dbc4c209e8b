import { failureOf, HoldfastError, type Failure } from '../../shared/model/failures'
import type { Context } from './command'
import { exitCodes, report } from './failure'

/**
 * Asks for one reference after the other; what is refused of one is told and keeps from none of the others. `say` is told how many things were changed in all,
 * unless nothing was done for any. Gives the exit code.
 */
export async function changedOfEach(
  { terminal, json }: Context,
  references: readonly string[],
  say: (changed: number) => void,
  ask: (reference: string) => Promise<{ readonly changed: number }>,
): Promise<number> {
  const refused: unknown[] = []
  let changed = 0
  for (const reference of references) {
    try {
      changed += (await ask(reference)).changed
    } catch (error) {
      const failure = failureOf(error)
      changed += changedBefore(failure)
      refused.push(references.length === 1 ? error : refusalOf(reference, failure))
    }
  }
  if (changed > 0 || refused.length < references.length) say(changed)
  for (const refusal of refused) report(refusal, terminal, json)
  return refused.length > 0 ? exitCodes.failed : exitCodes.done
}

/** Of many things some may be changed when the others are refused. */
function changedBefore({ details }: Failure): number {
  const changed = isFields(details) ? details['changed'] : null
  return typeof changed === 'number' ? changed : 0
}

/** With what it is a refusal of. */
function refusalOf(reference: string, { code, message, details, ...more }: Failure): HoldfastError {
  const told = details === undefined ? { reference } : isFields(details) ? { reference, ...details } : details
  return new HoldfastError(code, `${reference}: ${message}`, { ...more, details: told })
}

const isFields = (details: Failure['details']): details is Exclude<Failure['details'], unknown[] | null> & object =>
  typeof details === 'object' && details !== null && !Array.isArray(details)
