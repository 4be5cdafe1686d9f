// S’inscrire, se connecter, mot de passe oublié, compte.
export const account = {
  email: 'Adresse e-mail',
  password: 'Mot de passe',
  passwordHint: '10 caractères au moins. Une phrase se retient bien.',
  showPassword: 'Afficher le mot de passe',
  hidePassword: 'Masquer le mot de passe',
  name: 'Prénom ou nom affiché',
  nameHint: 'C’est ce que les autres verront.',
  signIn: {
    title: 'Se connecter',
    submit: 'Se connecter',
    forgotten: 'Mot de passe oublié ?',
    noAccount: 'Pas encore de compte ?',
    then: 'Connectez-vous pour continuer.',
  },
  signUp: {
    title: 'Créer un compte',
    submit: 'Créer mon compte',
    hasAccount: 'Déjà un compte ?',
  },
  askReset: {
    title: 'Mot de passe oublié',
    text: 'Indiquez votre adresse : vous recevrez un lien pour choisir un nouveau mot de passe.',
    submit: 'Recevoir un lien',
    sentTitle: 'Regardez vos e-mails',
    sent: (email: string) =>
      `Si un compte existe pour ${email}, un lien vient d’y être envoyé. Il est valable une heure.`,
    again: 'Essayer une autre adresse',
  },
  confirmReset: {
    title: 'Nouveau mot de passe',
    submit: 'Enregistrer le mot de passe',
    text: 'Toutes vos sessions ouvertes seront fermées.',
    done: 'Mot de passe changé. Connectez-vous.',
    noToken: 'Ce lien est incomplet. Rouvrez-le depuis l’e-mail, ou demandez-en un autre.',
    another: 'Demander un autre lien',
  },
};
