import type { Command } from 'commander'
import type { CheckView } from '../../shared/console/diagnostics-operations'
import { checkInEnglish } from '../../shared/text/checks/english'
import { HoldfastError } from '../../shared/model/failures'
import { NotReachable } from '../console/client'
import type { Cli, Context } from './command'
import { exitCodes, UsageError } from './failure'
import { oneLine, table } from './output'

const colours = { pass: 'green', warn: 'yellow', fail: 'red', unknown: 'dim' } as const

export function addDoctor(cli: Cli, program: Command): void {
  cli
    .add(
      program,
      'doctor',
      'check this machine and the controller on it, also when none runs',
      async (context, _, options) => {
        const isDeep = options['deep'] === true
        const fix = options['fix'] as string | undefined
        if (fix !== undefined && isDeep) throw new UsageError('--fix and --deep make no sense together')
        const checks = fix === undefined ? await look(context, isDeep) : await mend(context, fix)
        context.print(checks, () => shown(checks, context))
        return checks.some(({ result }) => result === 'fail') ? exitCodes.failed : exitCodes.done
      },
    )
    .option('--deep', 'read large databases as well; only while no controller runs')
    .option('--fix <check>', 'mend what a check found, where that can be done')
}

/** Asks the controller; where none answers, looks at what lies there. */
async function look(context: Context, isDeep: boolean): Promise<CheckView[]> {
  const { dataDir, services } = context
  try {
    return await context.withConsole(async (client) => {
      const { checks } = await client.call('diagnostics.checks', {})
      const { version, name } = await client.call('status.get', {})
      return version === context.version ? checks : [otherVersion(name, version, context.version), ...checks]
    })
  } catch (error) {
    if (!(error instanceof NotReachable) && !(error instanceof HoldfastError && error.code === 'forbidden')) throw error
    const none =
      error instanceof NotReachable
        ? checkOf('controller', 'warn', ['controller.none', { dir: dataDir }], ['fix.start', { dir: dataDir }])
        : checkOf('controller', 'fail', ['controller.refused', { reason: error.message }], ['fix.as-user', {}])
    return [none, ...(await services.checkOffline({ dataDir, isDeep }))]
  }
}

const mend = (context: Context, check: string): Promise<CheckView[]> =>
  context.withConsole(async (client) => [await client.call('diagnostics.fix', { check })])

const otherVersion = (name: string, theirs: string, ours: string): CheckView =>
  checkOf('versions-differ', 'warn', ['controller.other-version', { name, theirs, ours }], ['fix.restart', {}])

type Said = readonly [key: string, params: Record<string, string>]

function checkOf(id: string, result: CheckView['result'], [key, params]: Said, fix: Said): CheckView {
  return {
    ...{ id, group: 'site', result, text: checkInEnglish(key, params), fix: checkInEnglish(...fix) },
    ...{ says: { key, params }, advises: { key: fix[0], params: fix[1] }, isFixable: false, durationMs: 0 },
  }
}

function shown(checks: readonly CheckView[], { paint }: Context): string {
  const rows = checks.map(({ id, result, text, fix, isFixable }) => [
    ...[id, paint(colours[result], result), oneLine(text)],
    fix === null ? '' : isFixable ? `${oneLine(fix)} (holdfast doctor --fix ${id})` : oneLine(fix),
  ])
  const count = (wanted: CheckView['result']): number => checks.filter(({ result }) => result === wanted).length
  const sum = `${count('pass')} fine, ${count('warn')} to look at, ${count('fail')} wrong, ${count('unknown')} unknown\n`
  return `${table(['CHECK', 'RESULT', 'WHAT', 'FIX'], rows, paint)}${sum}`
}
