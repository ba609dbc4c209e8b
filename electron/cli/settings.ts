import { InvalidArgumentError, type Command } from 'commander'
import type { SettingView } from '../../shared/console/setting-operations'
import { HoldfastError } from '../../shared/model/failures'
import { settingNames, type SettingName } from '../../shared/settings/settings'
import type { Cli, Context } from './command'
import { facts, lengthOf, say, table, type Paint } from './output'
import { sizeText } from './show-sync'
import { settingValue } from './setting-value'

export function addSettings(cli: Cli, program: Command): void {
  const settings = program.command('settings').description('settings of this controller')
  cli.add(settings, 'list', 'every setting: what counts, and where it comes from', (context) =>
    context.withConsole(async (client) => {
      const view = await client.call('settings.get', {})
      context.print(view, () => listText(view.settings, context.paint))
    }),
  )
  cli
    .add(settings, 'get', 'one setting: value, default, range, and what it is for', (context, [name = '']) =>
      context.withConsole(async (client) => {
        const setting = await one(client, nameOf(name))
        context.print(setting, () => oneText(setting, context.paint))
      }),
    )
    .argument('<name>', `one of ${settingNames.join(', ')}`)
  cli
    .add(settings, 'set', 'change one in settings.json', (context, [name = '', ...values]) => {
      const asked = nameOf(name)
      return context.withConsole(async (client) => {
        const value = settingValue(await one(client, asked), values)
        const view = await client.call('settings.set', { values: { [asked]: value } })
        done(context, view.settings, [asked])
      })
    })
    .argument('<name>', 'its name')
    .argument('<value...>', 'sizes as 512MiB, lengths of time as 36h, switches as on or off; of a list each item')
  cli
    .add(settings, 'reset', 'remove from settings.json: the default counts again', (context, names) => {
      const asked = names.map(nameOf)
      return context.withConsole(async (client) => {
        const view = await client.call('settings.reset', { names: asked })
        done(context, view.settings, asked)
      })
    })
    .argument('<names...>', 'their names')
}

type Client = Parameters<Parameters<Context['withConsole']>[0]>[0]

async function one(client: Client, name: SettingName): Promise<SettingView> {
  const [setting] = (await client.call('settings.get', { names: [name] })).settings
  if (!setting) throw new HoldfastError('not-found', `This controller has no setting ${name}.`)
  return setting
}

/** Also as a flag or a variable of the environment has it: `outbox-bytes-max`, `OUTBOX_BYTES_MAX`. */
function nameOf(text: string): SettingName {
  const plain = (name: string): string => name.replace(/^HOLDFAST_|[-_]/gi, '').toLowerCase()
  const found = settingNames.find((name) => plain(name) === plain(text))
  if (!found) throw new InvalidArgumentError(`There is no setting "${text}": holdfast settings list`)
  return found
}

function valueText(value: SettingView['value'], unit: SettingView['unit']): string {
  if (value === null) return '-'
  if (typeof value === 'boolean') return value ? 'on' : 'off'
  if (typeof value === 'number')
    return unit === 'bytes' ? sizeText(value) : unit === 'ms' ? lengthOf(value) : String(value)
  if (typeof value === 'string') return value
  return Array.isArray(value) && value.length > 0 ? value.map((item) => valueText(item, unit)).join(', ') : '-'
}

const sourceText = ({ source, locked }: SettingView): string =>
  locked?.by === 'flag' || locked?.by === 'environment' ? `${source} (${locked.name})` : source

function listText(settings: readonly SettingView[], paint: Paint): string {
  const rows = settings.map((setting) => [
    setting.id,
    valueText(setting.value, setting.unit),
    sourceText(setting),
    setting.isPending
      ? paint('yellow', `${valueText(setting.stored ?? setting.default, setting.unit)} after a restart`)
      : '',
  ])
  return table(['SETTING', 'VALUE', 'FROM', 'NOTE'], rows, paint)
}

function rangeText({ min, max, choices, unit }: SettingView): string {
  if (choices) return choices.join(', ')
  return min === null || max === null ? '' : `${valueText(min, unit)} to ${valueText(max, unit)}`
}

function oneText(setting: SettingView, paint: Paint): string {
  const { id, value, unit, changes, isPending, stored } = setting
  const counts = { live: 'at once', restart: 'after a restart', once: 'never: chosen at the first start' }
  return `${paint('bold', id)}: ${say(`setting.${id}`)}\n${facts(
    [
      ['value', valueText(value, unit)],
      ['from', sourceText(setting)],
      ['default', valueText(setting.default, unit)],
      ['possible', rangeText(setting)],
      ['a change counts', counts[changes]],
      ['waits for a restart', isPending ? paint('yellow', valueText(stored ?? setting.default, unit)) : ''],
    ],
    paint,
  )}`
}

function done(context: Context, settings: readonly SettingView[], names: readonly SettingName[]): void {
  const changed = settings.filter(({ id }) => names.includes(id))
  context.print(changed, () =>
    changed
      .map((setting) => {
        const { id, unit, isPending, stored, value } = setting
        const now = isPending ? (stored ?? setting.default) : value
        const note = isPending ? ' It counts after a restart of the controller.' : ''
        return `${id} is ${valueText(now, unit)}.${note}\n`
      })
      .join(''),
  )
}
