import {
  Cpu,
  Hand,
  Keyboard,
  Languages,
  Moon,
  Pause,
  Play,
  RadioTower,
  ScrollText,
  Sun,
  SunMoon,
  Undo2,
} from '@lucide/vue'
import { computed, type Component, type Ref } from 'vue'
import { useI18n } from 'vue-i18n'
import { useRouter } from 'vue-router'
import type { Locale } from '../../../shared/text/text'
import { useBridge } from '../../bridge'
import { languages, language, setLanguage } from '../../i18n'
import { hasPage } from '../../routes'
import { useController } from '../../stores/controller'
import { setTheme, theme, themes } from '../../theme'
import { useToasts } from '../../ui/toasts'
import { usePlaces } from '../layout/places'
import { actionsOf } from '../site/actions'
import { sitesOf, type Site } from '../../../shared/console/sites'

/** One line of the palette. */
export interface Command {
  readonly key: string
  readonly text: string
  /** What it belongs to, e.g. the site of a device. */
  readonly note?: string
  readonly icon: Component
  /** More to find it by. */
  readonly words?: string
  readonly keys?: string
  /** Why it cannot be done now. */
  readonly reason?: string
  run(): void
}
export interface CommandGroup {
  readonly key: string
  readonly title: string
  readonly commands: readonly Command[]
}

/** Lines shown per group: beyond them one goes on typing. */
const GROUP_MAX = 8

/** Every word is somewhere in the line; those that begin with the first word come first. */
export function matching(commands: readonly Command[], search: string): Command[] {
  const words = search.trim().toLowerCase().split(/\s+/).filter(Boolean)
  const textOf = ({ text, note = '', words: more = '' }: Command) => `${text} ${note} ${more}`.toLowerCase()
  const found = commands.filter((command) => words.every((word) => textOf(command).includes(word)))
  const rank = (command: Command) => (command.text.toLowerCase().startsWith(words[0] ?? '') ? 0 : 1)
  return found.sort((a, b) => rank(a) - rank(b))
}

export function useCommands(search: Readonly<Ref<string>>, events: { help(): void }) {
  const { t } = useI18n()
  const bridge = useBridge()
  const router = useRouter()
  const controller = useController()
  const toasts = useToasts()
  const places = usePlaces()
  const sites = computed(() => (controller.status ? sitesOf(controller.status) : []))
  const go = (name: string, params: Record<string, string> = {}, query: Record<string, string> = {}) =>
    void router.push({ name, params, query })
  const paramsOf = (site: Site): Record<string, string> => (site.ref === undefined ? {} : { edgeId: site.ref })

  async function resume(site: Site) {
    const answer = await bridge.call('edges.resume', site.ref === undefined ? {} : { edge: site.ref })
    if (answer.ok) toasts.show({ text: t('palette.resumed', { site: site.name }) })
    else toasts.show({ tone: 'critical', text: answer.message, detail: answer.hint })
  }
  function actions(site: Site): Command[] {
    const off = actionsOf(site, controller)
    const line = (act: 'restore' | 'failover' | 'pause', icon: Component): Command => ({
      key: `${act}:${site.id}`,
      text: t(`palette.${act}`, { site: site.name }),
      icon,
      ...(off[act] === null ? {} : { reason: t(`reason.${off[act]}`) }),
      run: () => go('site', paramsOf(site), { act }),
    })
    const pause: Command = site.paused
      ? {
          key: `resume:${site.id}`,
          text: t('palette.resume', { site: site.name }),
          icon: Play,
          ...(off.resume === null ? {} : { reason: t(`reason.${off.resume}`) }),
          run: () => void resume(site),
        }
      : line('pause', Pause)
    return [line('restore', Undo2), line('failover', Hand), pause]
  }
  const themeIcons = { system: SunMoon, light: Sun, dark: Moon }
  const themeWord = (name: string) => t(`page.theme${name[0]?.toUpperCase()}${name.slice(1)}`)

  const groups = computed<CommandGroup[]>(() => {
    const words = search.value.trim()
    const logs: Command[] =
      words !== '' && hasPage('data') && controller.status?.role !== 'edge'
        ? [
            {
              key: 'logs',
              text: t('palette.searchLogs', { words }),
              words,
              icon: ScrollText,
              run: () => go('data', {}, { q: words }),
            },
          ]
        : []
    const all: CommandGroup[] = [
      {
        key: 'pages',
        title: t('palette.pages'),
        commands: places.value.map(({ name, text, icon, digit }) => ({
          ...{ key: name, text: t(text), icon, keys: `Alt+${digit}` },
          run: () => go(name),
        })),
      },
      {
        key: 'sites',
        title: t('overview.sites'),
        commands: sites.value.map((site) => ({
          ...{ key: site.id, text: site.name, icon: RadioTower },
          run: () => go('site', paramsOf(site)),
        })),
      },
      {
        key: 'actions',
        title: t('palette.actions'),
        commands: sites.value.flatMap(actions),
      },
      {
        key: 'devices',
        title: t('site.devices'),
        // A list of every device of every site helps nobody before a word is typed.
        commands:
          words === ''
            ? []
            : sites.value.flatMap((site) =>
                site.modules.map((module) => ({
                  ...{ key: `${site.id}:${module.id}`, text: module.name, note: site.name, words: module.driver },
                  icon: Cpu,
                  run: () => go('site', paramsOf(site), { module: module.id }),
                })),
              ),
      },
      {
        key: 'look',
        title: t('palette.look'),
        commands: [
          ...themes
            .filter((name) => name !== theme.value)
            .map((name) => ({
              ...{ key: `theme:${name}`, text: `${t('page.theme')}: ${themeWord(name)}`, icon: themeIcons[name] },
              run: () => setTheme(name),
            })),
          ...Object.entries(languages)
            .filter(([locale]) => locale !== language.value)
            .map(([locale, text]) => ({
              ...{ key: `language:${locale}`, text: `${t('page.language')}: ${text}`, icon: Languages },
              run: () => void setLanguage(locale as Locale),
            })),
          { key: 'keys', text: t('keys.title'), icon: Keyboard, keys: '?', run: events.help },
        ],
      },
    ]
    const found = all.map((group) => ({ ...group, commands: matching(group.commands, words).slice(0, GROUP_MAX) }))
    return [...found, { key: 'logs', title: t('data.logs'), commands: logs }].filter(
      ({ commands }) => commands.length > 0,
    )
  })
  return { groups }
}
