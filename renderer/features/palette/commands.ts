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
import { useSettledStatus } from '../../settled-status'
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

type Findable = Pick<Command, 'text' | 'note' | 'words'>

/**
 * The first of those that have every word somewhere in the line; what begins with the first word comes before. A fleet has tens of thousands of them, so nothing is made
 * of a thing but its words until it is found.
 */
export function matching<T extends Findable>(things: Iterable<T>, search: string, most = GROUP_MAX): T[] {
  const words = search.trim().toLowerCase().split(/\s+/).filter(Boolean)
  const beginning: T[] = []
  const others: T[] = []
  for (const thing of things) {
    if (beginning.length >= most) break
    const text = thing.text.toLowerCase()
    const all = `${text} ${thing.note ?? ''} ${thing.words ?? ''}`.toLowerCase()
    if (!words.every((word) => all.includes(word))) continue
    if (text.startsWith(words[0] ?? '')) beginning.push(thing)
    else if (others.length < most) others.push(thing)
  }
  return [...beginning, ...others].slice(0, most)
}

const acts = ['restore', 'failover', 'pause'] as const
type Act = (typeof acts)[number]
const actIcons = { restore: Undo2, failover: Hand, pause: Pause }
const SLOT = '\u0000'

export function useCommands(search: Readonly<Ref<string>>, events: { help(): void }) {
  const { t } = useI18n()
  const bridge = useBridge()
  const router = useRouter()
  const controller = useController()
  const toasts = useToasts()
  const places = usePlaces()
  const status = useSettledStatus()
  const sites = computed(() => (status.value ? sitesOf(status.value) : []))
  const go = (name: string, params: Record<string, string> = {}, query: Record<string, string> = {}) =>
    void router.push({ name, params, query })
  const paramsOf = (site: Site): Record<string, string> => (site.ref === undefined ? {} : { edgeId: site.ref })

  async function resume(site: Site) {
    const answer = await bridge.call('edges.resume', site.ref === undefined ? {} : { edge: site.ref })
    if (answer.ok) toasts.show({ text: t('palette.resumed', { site: site.name }) })
    else toasts.show({ tone: 'critical', text: answer.message, detail: answer.hint })
  }
  /** What is done to a site in words, without asking the catalogue for each site. */
  const frames = computed(
    () =>
      new Map(
        [...acts, 'resume' as const].map((act) => [act, t(`palette.${act}`, { site: SLOT }).split(SLOT)] as const),
      ),
  )
  function* siteLines(): Generator<Findable & { text: string; site: Site }> {
    for (const site of sites.value) yield { text: site.name, site }
  }
  function* actionLines(): Generator<Findable & { site: Site; act: Act | 'resume' }> {
    for (const site of sites.value)
      for (const one of acts) {
        const act = one === 'pause' && site.paused ? 'resume' : one
        yield { text: frames.value.get(act)?.join(site.name) ?? '', site, act }
      }
  }
  function action({ text, site, act }: { text: string; site: Site; act: Act | 'resume' }): Command {
    const off = actionsOf(site, controller)[act]
    return {
      ...{ key: `${act}:${site.id}`, text, icon: act === 'resume' ? Play : actIcons[act] },
      ...(off === null ? {} : { reason: t(`reason.${off}`) }),
      run: () => (act === 'resume' ? void resume(site) : go('site', paramsOf(site), { act })),
    }
  }
  function* deviceLines(): Generator<Findable & { text: string; site: Site; id: string }> {
    for (const site of sites.value)
      for (const { id, name, driver } of site.modules) yield { text: name, note: site.name, words: driver, site, id }
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
        commands: matching(siteLines(), words).map(({ text, site }) => ({
          ...{ key: site.id, text, icon: RadioTower },
          run: () => go('site', paramsOf(site)),
        })),
      },
      {
        key: 'actions',
        title: t('palette.actions'),
        commands: matching(actionLines(), words).map(action),
      },
      {
        key: 'devices',
        title: t('site.devices'),
        // A list of every device of every site helps nobody before a word is typed.
        commands:
          words === ''
            ? []
            : matching(deviceLines(), words).map(({ text, note, words: more, site, id }) => ({
                ...{ key: `${site.id}:${id}`, text, note, words: more, icon: Cpu },
                run: () => go('site', paramsOf(site), { module: id }),
              })),
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
    const found = all.map((group) => ({ ...group, commands: matching(group.commands, words) }))
    return [...found, { key: 'logs', title: t('data.logs'), commands: logs }].filter(
      ({ commands }) => commands.length > 0,
    )
  })
  return { groups }
}
