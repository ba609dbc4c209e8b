import { shallowRef, watch } from 'vue'
import type { Result } from '../../../shared/console/result'
import { useDeed } from '../../deed'
import { useToasts } from '../../ui/toasts'

/** What somebody who looks at alerts is saying to them. */
export type AnswerMode = 'look' | 'acknowledge' | 'silence'

/** To acknowledge or silence alerts: which of the two is being done, and how it goes. Another `subject` begins anew. */
export function useAlertAnswer(subject: () => unknown) {
  const toasts = useToasts()
  const { busy, failure, run, forget } = useDeed()
  const mode = shallowRef<AnswerMode>('look')
  watch(subject, () => {
    mode.value = 'look'
    forget()
  })
  return {
    ...{ mode, busy, failure },
    /** `said`: what is shown when it went well. What is being typed stays when it did not. */
    async answer<T>(request: () => Promise<Result<T>>, said: (value: T) => string) {
      const value = await run(request)
      if (value === null) return
      mode.value = 'look'
      toasts.show({ text: said(value) })
    },
  }
}
