# bash completion for failoverctl                              -*- shell-script -*-
# SPDX-License-Identifier: GPL-2.0-or-later

# _failoverctl_values KEY [OPTION...]: what follows this key, an object's own string, in the
# answer to status --json
_failoverctl_values()
{
  local key=$1
  shift
  failoverctl "${control[@]}" status --json "$@" 2> /dev/null | grep -o "\"$key\":\"[^\"\\\\]*\"" | cut -d'"' -f4
}

_failoverctl()
{
  local current=${COMP_WORDS[COMP_CWORD]} typed=("${COMP_WORDS[@]}") position=$COMP_CWORD words=() control=() i
  COMPREPLY=()
  # bash takes a colon and an equals sign for the end of a word
  declare -F _get_comp_words_by_ref > /dev/null && _get_comp_words_by_ref -n := -c current -w typed -i position
  for ((i = 1; i < position; i++)); do
    case ${typed[i]} in
      -c | --control) control=(-c "${typed[++i]}") ;;
      --control=*) control=(-c "${typed[i]#*=}") ;;
      -*) ;;
      *) words+=("${typed[i]}") ;;
    esac
  done

  case ${typed[position - 1]} in
    -c | --control)
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      return
      ;;
  esac
  if [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "--control --json --help --version" -- "$current")
    return
  fi
  case ${#words[@]}:${words[0]} in
    0:)
      mapfile -t COMPREPLY < <(compgen -W "status watch check switch drain maint ready" -- "$current")
      ;;
    1:status | 1:watch | 1:check)
      mapfile -t COMPREPLY < <(compgen -W "$(_failoverctl_values destination)" -- "$current")
      ;;
    1:switch | 1:drain | 1:maint | 1:ready)
      mapfile -t COMPREPLY < <(compgen -W "all $(_failoverctl_values destination)" -- "$current")
      ;;
    2:switch | 2:drain | 2:maint | 2:ready)
      [[ ${words[1]} == all ]] && words[1]=
      mapfile -t COMPREPLY < <(compgen -W "$(_failoverctl_values name ${words[1]:+"${words[1]}"})" -- "$current")
      declare -F __ltrim_colon_completions > /dev/null && __ltrim_colon_completions "$current"
      ;;
  esac
} && complete -F _failoverctl failoverctl
