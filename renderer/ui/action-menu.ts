import type { Component } from 'vue'

/** One line of an action menu. */
export interface MenuAction {
  readonly key: string
  readonly text: string
  readonly icon?: Component
  readonly danger?: boolean
  /** Why it cannot be done now; shown below the text. */
  readonly reason?: string | null
  /** A line above it. */
  readonly apart?: boolean
}
