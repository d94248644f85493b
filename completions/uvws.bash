# bash completion of uvws. The options come from --help, so that they are never out of date.
_uvws_options() {
  "$1" "$2" --help 2>/dev/null | grep -oE '^ +(-[a-zA-Z], )?--[a-z0-9-]+' | grep -oE -- '--[a-z0-9-]+'
}

_uvws() {
  local program=$1 word=$2 previous=$3
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W 'connect echo-server run --help --version' -- "$word")
    return
  fi
  case $previous in
  --tls | --tls-min | --tls-max)
    mapfile -t COMPREPLY < <(compgen -W '1.0 1.1 1.2 1.3' -- "$word")
    return
    ;;
  --ca-path)
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -d -- "$word")
    return
    ;;
  --ca | --cert | --key | --pkcs12 | --crl | --keylog | --proxy-ca | --write-cert | --socket)
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
    return
    ;;
  esac
  if [ "${COMP_WORDS[1]}" = run ]; then
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  elif [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_uvws_options "$program" "${COMP_WORDS[1]}")" -- "$word")
  fi
}

complete -F _uvws uvws
