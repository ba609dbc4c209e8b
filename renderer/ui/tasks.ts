import { inject, shallowReactive, type InjectionKey } from 'vue'

/** How far something long has come. All but `text` may be unknown. */
export interface Progress {
  readonly done: number
  /** Null: not known how much there is. */
  readonly total: number | null
  /** Per second. */
  readonly rate?: number | null
  readonly leftMs?: number | null
}
/** Long work that outlives the page it was started on. */
export interface Task {
  readonly id: number
  text: string
  /** Key of the catalogue for the amounts, with `{n}`; `bytes` tells KiB and MiB. */
  readonly unit: 'entries' | 'files' | 'bytes' | 'steps'
  progress: Progress
  /** Null: it runs. */
  outcome: 'done' | 'failed' | 'cancelled' | null
  /** Why it failed. */
  detail: string | null
  /** Null: cannot be called off. */
  readonly cancel: (() => void) | null
}
export interface Tasks {
  readonly all: readonly Task[]
  /** Returns the task to move on; it stays listed until it is dismissed. */
  begin(task: Pick<Task, 'text' | 'unit'> & { cancel?: (() => void) | null; total?: number | null }): Task
  dismiss(id: number): void
}

/** Ended ones beyond this number go, oldest first. */
const ENDED_MAX = 5

export const tasksKey: InjectionKey<Tasks> = Symbol('tasks')
export function useTasks(): Tasks {
  const tasks = inject(tasksKey)
  if (!tasks) throw new Error('Nothing above provides tasks.')
  return tasks
}

export function makeTasks(): Tasks {
  const all = shallowReactive<Task[]>([])
  let made = 0
  function dismiss(id: number) {
    const at = all.findIndex((task) => task.id === id)
    if (at !== -1) all.splice(at, 1)
  }
  return {
    all,
    dismiss,
    begin({ text, unit, cancel = null, total = null }) {
      const task: Task = shallowReactive({
        id: (made += 1),
        text,
        unit,
        cancel,
        progress: { done: 0, total },
        outcome: null,
        detail: null,
      })
      all.push(task)
      for (const ended of all.filter(({ outcome }) => outcome !== null).slice(0, -ENDED_MAX)) dismiss(ended.id)
      return task
    },
  }
}
