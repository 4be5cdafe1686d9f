// Sign up, sign in, forgotten password, account.
export const account = {
  email: 'E-mail address',
  password: 'Password',
  passwordHint: 'At least 10 characters. A sentence is easy to remember.',
  showPassword: 'Show password',
  hidePassword: 'Hide password',
  name: 'Your name, as others see it',
  nameHint: 'A first name is enough.',
  signIn: {
    title: 'Sign in',
    submit: 'Sign in',
    forgotten: 'Forgot your password?',
    noAccount: 'No account yet?',
    then: 'Sign in to go on.',
  },
  signUp: {
    title: 'Sign up',
    submit: 'Create my account',
    hasAccount: 'Do you have an account?',
  },
  askReset: {
    title: 'Forgotten password',
    text: 'Give your address: you will get a link to choose a new password.',
    submit: 'Send me a link',
    sentTitle: 'Look at your e-mails',
    sent: (email: string) => `If there is an account for ${email}, a link is on its way. It is valid for an hour.`,
    again: 'Try another address',
  },
  confirmReset: {
    title: 'New password',
    submit: 'Save the password',
    text: 'You will be signed out everywhere.',
    done: 'Your password is changed. Sign in.',
    noToken: 'This link is incomplete. Open it again from the e-mail, or ask for another one.',
    another: 'Ask for another link',
  },
};
