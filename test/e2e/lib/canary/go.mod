module canary

go 1.24
