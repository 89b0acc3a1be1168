#!/bin/sh
# Never answers, whatever it is asked.
exec sleep 1000
